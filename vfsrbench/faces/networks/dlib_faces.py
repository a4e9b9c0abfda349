"""dlib's face networks (Davis King, davisking/dlib-models): recognition, 68 landmarks, detection.

dlib is an extra (`pip install 'vfsrbench[identity]'`). It runs on the CPU, one frame or chip after the other,
so that no result depends on a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError

Frames = NDArray[np.uint8]
Points = NDArray[np.float64]
CHIP, PADDING, DIMENSIONS = 150, 0.25, 128
RUNS_ON = "dlib: CPU"
LANDMARKS = 68
LEAST_SCORE = 0.0  # of the detector: its own threshold
_SIDE, _DOWN = 2.1, 0.08  # of dlib's face boxes, in distances between the eyes; see `face_boxes`
_BATCH = 16


def import_dlib() -> ModuleType:
    """dlib. InputError says what to install when it is not here."""
    try:
        import dlib
    except ImportError as error:
        raise InputError(
            f"dlib cannot be imported ({error}); install it with: pip install 'vfsrbench[identity]'"
        ) from None
    return dlib


def face_boxes(points: Points) -> NDArray[np.int64]:
    """The boxes in which dlib's landmarks are looked for, from five points of each face.

    An upright square as dlib's own frontal detector draws it: 2.1 times as wide as the eyes are apart, its
    centre 0.08 of that distance below the mean of the five points. Measured on the demo clips, where the
    detector's boxes are 2.1 (standard deviation 0.17) times as wide.

    Args:
        points: (n, 5, 2), pixels, x then y: eyes, nose tip, mouth corners.

    Returns:
        (n, 4) whole pixels: left, top, right, bottom.
    """
    eyes = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    centre = points.mean(axis=1) + np.stack([np.zeros_like(eyes), _DOWN * eyes], axis=1)
    half = (_SIDE / 2 * eyes)[:, None]
    return np.rint(np.concatenate([centre - half, centre + half], axis=1)).astype(np.int64)


def five_points(landmarks: Points) -> Points:
    """Eye centres, nose tip and mouth corners of 68 landmarks.

    Args:
        landmarks: (n, 68, 2).

    Returns:
        (n, 5, 2).
    """
    left, right = landmarks[:, 36:42].mean(axis=1), landmarks[:, 42:48].mean(axis=1)
    return np.stack([left, right, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], axis=1)


class DlibLandmarks:
    """The 68 landmarks of iBUG 300-W, by an ensemble of regression trees (Kazemi & Sullivan, CVPR 2014)."""

    def __init__(self, path: Path) -> None:
        """InputError when dlib is missing, or the file is none of its shape predictors."""
        self._dlib = import_dlib()
        self._predict = _loaded(self._dlib.shape_predictor, path)

    def find(self, frame: Frames, box: Sequence[int] | NDArray[np.int64]) -> Points:
        """The landmarks (68, 2) of the face in a box, in pixels; dlib gives whole ones.

        Args:
            frame: uint8 RGB (H, W, 3).
            box: Left, top, right, bottom.
        """
        rectangle = self._dlib.rectangle(*(int(v) for v in box))
        shape = self._predict(np.ascontiguousarray(frame), rectangle)
        return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


class DlibDetector:
    """dlib's frontal face detector (histograms of oriented gradients), or its network in a file."""

    def __init__(self, path: Path | None = None) -> None:
        """InputError when dlib is missing, or the file is none of its detectors."""
        dlib = import_dlib()
        self._detect = dlib.get_frontal_face_detector() if path is None else None
        self._network = None if path is None else _loaded(dlib.cnn_face_detection_model_v1, path)

    def largest(self, frame: Frames) -> NDArray[np.int64] | None:
        """The box of the largest face: left, top, right, bottom; None if there is none.

        A frame whose faces are under 80 pixels is looked at once more at twice the size.
        """
        picture = np.ascontiguousarray(frame)
        for doublings in (0, 1):
            boxes = self._boxes(picture, doublings)
            if boxes:
                best = max(boxes, key=lambda b: (b.width() * b.height(), -b.left(), -b.top()))
                return np.array([best.left(), best.top(), best.right(), best.bottom()], np.int64)
        return None

    def _boxes(self, picture: Frames, doublings: int) -> list[Any]:
        if self._network is not None:
            return [found.rect for found in self._network(picture, doublings)]
        assert self._detect is not None
        return list(self._detect(picture, doublings))


class DlibRecognizer:
    """dlib's face recognition network (ResNet-29, 128 numbers; 0.6 apart or less: the same person)."""

    def __init__(self, path: Path) -> None:
        """InputError when dlib is missing, or the file is not that network's."""
        self._dlib = import_dlib()
        self._network = _loaded(self._dlib.face_recognition_model_v1, path)

    def chip(self, frame: Frames, landmarks: Points) -> Frames:
        """The face as the network sees it: (150, 150, 3), turned upright, with a quarter of its size around.

        Args:
            frame: uint8 RGB (H, W, 3).
            landmarks: (68, 2) whole pixels, of this frame or of the ground truth's.
        """
        points = self._dlib.points([self._dlib.point(int(x), int(y)) for x, y in landmarks])
        low, high = landmarks.min(axis=0).astype(int), landmarks.max(axis=0).astype(int)
        face = self._dlib.full_object_detection(self._dlib.rectangle(*low, *high), points)
        chip: Frames = self._dlib.get_face_chip(np.ascontiguousarray(frame), face, CHIP, PADDING)
        return chip

    def embed(self, chips: Sequence[Frames]) -> NDArray[np.float32]:
        """Embeddings (n, 128) of chips, without jitter; a batch gives what single chips give."""
        found: list[Any] = []
        for start in range(0, len(chips), _BATCH):
            found += self._network.compute_face_descriptor(list(chips[start : start + _BATCH]), 0)
        return np.array([list(one) for one in found], np.float32).reshape(-1, DIMENSIONS)


def _loaded(make: Any, path: Path) -> Any:
    try:
        return make(str(path))
    except RuntimeError as error:
        raise InputError(f"{path}: is no such file of dlib ({str(error).strip()[:100]})") from None
