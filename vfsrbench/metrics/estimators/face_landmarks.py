"""Five points found in a picture itself: where the data has none, or each picture is aligned on its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.faces.detect import FaceDetector, detect_landmarks
from vfsrbench.faces.finding.choice import DETECTOR, DLIB_DETECTOR, DLIB_POINTS, ways_to_find
from vfsrbench.faces.finding.dlib_points import DlibFivePoints, dlib_finder
from vfsrbench.faces.networks.dlib_faces import DlibDetector, DlibLandmarks
from vfsrbench.faces.networks.retinaface import retinaface_resnet50
from vfsrbench.metric import Metric, TruthInfo, Window
from vfsrbench.metrics.estimators.reference_cache import array_name, cached, fingerprint
from vfsrbench.runtime.network import loaded, runner, shared
from vfsrbench.runtime.precision import Profile

PADDING = 0.25
"""Part of the frame's size that is added on each side: faces that fill the frame are found more surely."""

Points = NDArray[np.float64]


class FiveFinder(Protocol):
    """Finds the five points of the largest face. `key` names what they depend on beside the frames."""

    key: str

    def find(self, pictures: NDArray[np.uint8]) -> Points:
        """(n, 5, 2) points of uint8 RGB pictures (n, H, W, 3); NaN where no face was found."""
        ...


class RetinaFaceFinder:
    """RetinaFace (ResNet-50). `digest` is the SHA-256 of its file."""

    def __init__(self, path: Path, digest: str, device: torch.device, profile: Profile) -> None:
        build = partial(loaded, retinaface_resnet50, path)
        self.runner = runner(("retinaface_r50", path), build, device, profile)
        self.detector = FaceDetector(self.runner.network)
        self.key = fingerprint(__name__, PADDING, profile, device.type, digest)

    def find(self, pictures: NDArray[np.uint8]) -> Points:
        with self.runner.arithmetic():
            return detect_landmarks(self.detector, pictures, padding=PADDING)


class DlibFinder:
    """dlib's five points: as `align` finds them, or as dlib itself gives them (`plain`).

    Args:
        landmarks: The 68 landmarks' file.
        detector: The detection network's file, if it is here.
        plain: The frontal detector alone, and its landmarks as they are.
        digests: SHA-256 of the files.
    """

    def __init__(self, landmarks: Path, detector: Path | None, plain: bool, *digests: str) -> None:
        points = shared(("dlib68", landmarks), partial(DlibLandmarks, landmarks))
        if plain:
            self.five = DlibFivePoints(points, DlibDetector(), looks=0)
        else:
            self.five = dlib_finder(points, detector)
        self.key = fingerprint(__name__, "dlib", plain, *digests)

    def find(self, pictures: NDArray[np.uint8]) -> Points:
        return self.five(pictures)


class OwnLandmarks:
    """Points found in the pictures themselves, once a window and frame."""

    def __init__(self, finder: FiveFinder) -> None:
        self.finder = finder
        self.key = finder.key

    def of(self, window: Window, frames: list[int]) -> Points:
        """(n, 5, 2) points of these frames, NaN where no face was found; found once a window and frame."""
        known: dict[int, Points] = window.memo(("own points", self.key), dict)
        missing = [frame for frame in frames if frame not in known]
        if missing:
            known.update(zip(missing, self._find(window, missing), strict=True))
        return np.array([known[frame] for frame in frames]).reshape(-1, 5, 2)

    def keep(self, gt: Window) -> None:
        """Find the points of a ground-truth window's scored frames, or take them from an earlier run."""
        scored = list(gt.scored)
        found = cached(gt, f"points-{self.key}", lambda: self.of(gt, scored))
        known: dict[int, Points] = gt.memo(("own points", self.key), dict)
        known.update(zip(scored, found, strict=True))

    def _find(self, window: Window, frames: list[int]) -> Points:
        return self.finder.find(window.frames[[frame - window.start for frame in frames]])


class GtPoints:
    """The five points of the ground truth's frames: those that came with the clip, or else found in it."""

    def __init__(self, finder: FiveFinder | None) -> None:
        self.own = None if finder is None else OwnLandmarks(finder)

    def unfit(self, gt: TruthInfo) -> str:
        """Why a clip's points cannot be known; empty if they can."""
        if gt.landmarks is not None or self.own is not None:
            return ""
        return (
            "no landmarks came with this clip, and what would find them on the ground truth is not here: "
            f"{ways_to_find()}"
        )

    def prepare(self, gt: Window) -> None:
        """Find what has to be found, once for all methods."""
        if gt.truth.landmarks is None and self.own is not None:
            self.own.keep(gt)

    def of(self, gt: Window, frames: list[int]) -> Points:
        """(n, 5, 2) pixels of these frames, NaN where no face is known."""
        landmarks = gt.truth.landmarks
        if landmarks is not None:
            return landmarks[frames]
        if self.own is None:
            raise ValueError(self.unfit(gt.truth))
        return self.own.of(gt, frames)

    def depends_on(self, gt: Window) -> str:
        """A name for what the points of the scored frames come from."""
        landmarks = gt.truth.landmarks
        if landmarks is None:
            return self.own.key if self.own is not None else ""
        return array_name(landmarks[gt.scored.start : gt.scored.stop])


def five_finder(metric: Metric, weights: Mapping[str, Path], device: torch.device) -> FiveFinder | None:
    """What finds the five points for a metric with these weights; None if nothing here can.

    The roles say which finder it is (`faces.finding.choice`). A metric whose card says `params.finder =
    "dlib"` looks with its own landmarks (role `points`), and dlib's frontal detector alone.
    """

    def digest(role: str) -> str:
        return metric.weight_digest(weights, role)

    if DETECTOR in weights:
        return RetinaFaceFinder(weights[DETECTOR], digest(DETECTOR), device, metric.profile)
    if DLIB_POINTS in weights:
        files = weights[DLIB_POINTS], weights.get(DLIB_DETECTOR)
        return DlibFinder(*files, False, digest(DLIB_POINTS), digest(DLIB_DETECTOR))
    if metric.card.params.get("finder") == "dlib":
        return DlibFinder(weights["points"], None, True, digest("points"))
    return None
