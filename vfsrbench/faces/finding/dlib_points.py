"""The largest face's five points by dlib: a detector, 68 landmarks, and two looks at the aligned face.

dlib's landmarks start from an upright mean face in the detector's box, and are whole pixels: on a face that
is tilted, or small, they miss by several pixels, and another box of the same face gives other points. So the
face is aligned to the FFHQ template by the points, the landmarks are found there again in nine boxes around
the face, and their mean is carried back. A second such look begins with the first one's points.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vfsrbench.faces.ffhq_align import FFHQ_512, FFHQ_SIZE
from vfsrbench.faces.networks.dlib_faces import DlibDetector, DlibLandmarks, face_boxes, five_points
from vfsrbench.faces.similarity import invert, least_squares_similarity, transform_points
from vfsrbench.faces.warp import warp_affine

Frames = NDArray[np.uint8]
Points = NDArray[np.float64]
LOOKS = 2
_SHIFT = 0.03  # of the box's side: to the left, to the right, up, down
_LOOKED_AT = np.array([(x, y, x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)], np.float64)


class Landmarks(Protocol):
    """See `dlib_faces.DlibLandmarks`."""

    def find(self, frame: Frames, box: NDArray[np.int64]) -> Points: ...


class DlibFivePoints:
    """Finds the largest face's five points in frames, each by itself.

    Args:
        landmarks: The 68 landmarks, from which the five points follow (`five_points`).
        detectors: Looked through in order until one finds a face.
        looks: How many times the aligned face is looked at again; 0 leaves the points as dlib gives them in
            the detector's box.
    """

    def __init__(self, landmarks: Landmarks, *detectors: DlibDetector, looks: int = LOOKS) -> None:
        self.landmarks, self.detectors, self.looks = landmarks, detectors, looks

    def __call__(self, frames: Frames) -> Points:
        """(n, 5, 2) pixels of uint8 RGB frames (n, H, W, 3); NaN where no face was found."""
        found = np.full((len(frames), 5, 2), np.nan)
        for slot, frame in zip(found, frames, strict=True):
            box = self._box(frame)
            if box is None:
                continue
            points = five_points(self.landmarks.find(frame, box)[None])[0]
            for _ in range(self.looks):
                points = self._look_again(frame, points)
            slot[...] = points
        return found

    def _box(self, frame: Frames) -> NDArray[np.int64] | None:
        boxes = (detector.largest(frame) for detector in self.detectors)
        return next((box for box in boxes if box is not None), None)

    def _look_again(self, frame: Frames, points: Points) -> Points:
        """The points as the face shows them that these points align to the FFHQ template."""
        matrix = least_squares_similarity(points, FFHQ_512)
        upright = warp_affine(frame, matrix, (FFHQ_SIZE, FFHQ_SIZE))
        (box,) = face_boxes(transform_points(matrix, points)[None])
        boxes = np.rint(box + _LOOKED_AT * _SHIFT * (box[2] - box[0])).astype(np.int64)
        seen = five_points(np.stack([self.landmarks.find(upright, one) for one in boxes]))
        return transform_points(invert(matrix), seen.mean(axis=0))


def dlib_finder(landmarks: Path | Landmarks, detector: Path | None) -> DlibFivePoints:
    """dlib's five points as everything finds them that asks dlib for a face.

    Args:
        landmarks: The 68 landmarks' file, or what was loaded from it.
        detector: The file of dlib's detection network, which is asked where the frontal detector finds
            nothing; None: it is not asked.
    """
    detectors = [DlibDetector(), *([] if detector is None else [DlibDetector(detector)])]
    found = DlibLandmarks(landmarks) if isinstance(landmarks, Path) else landmarks
    return DlibFivePoints(found, *detectors)
