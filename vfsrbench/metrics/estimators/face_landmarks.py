"""Five points found in a picture itself: where the data has none, or each picture is aligned on its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.faces.detect import FaceDetector, detect_landmarks
from vfsrbench.faces.networks.retinaface import retinaface_resnet50
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics.estimators.reference_cache import array_name, cached, fingerprint
from vfsrbench.runtime.network import loaded, runner
from vfsrbench.runtime.precision import Profile

PADDING = 0.25
"""Part of the frame's size that is added on each side: faces that fill the frame are found more surely."""

Points = NDArray[np.float64]


class OwnLandmarks:
    """RetinaFace (ResNet-50): the largest face of each frame. `digest` is the SHA-256 of its file."""

    def __init__(self, path: Path, digest: str, device: torch.device, profile: Profile) -> None:
        build = partial(loaded, retinaface_resnet50, path)
        self.runner = runner(("retinaface_r50", path), build, device, profile)
        self.detector = FaceDetector(self.runner.network)
        self.key = fingerprint(__name__, PADDING, profile, device.type, digest)

    def of(self, window: Window, frames: list[int]) -> Points:
        """(n, 5, 2) points of these frames, NaN where no face was found; found once a window and frame."""
        known: dict[int, Points] = window.memo(("own points",), dict)
        missing = [frame for frame in frames if frame not in known]
        if missing:
            known.update(zip(missing, self._find(window, missing), strict=True))
        return np.array([known[frame] for frame in frames]).reshape(-1, 5, 2)

    def keep(self, truth: Window) -> None:
        """Find the points of a ground-truth window's scored frames, or take them from an earlier run."""
        scored = list(truth.scored)
        found = cached(truth, f"points-{self.key}", lambda: self.of(truth, scored))
        known: dict[int, Points] = truth.memo(("own points",), dict)
        known.update(zip(scored, found, strict=True))

    def _find(self, window: Window, frames: list[int]) -> Points:
        pictures = window.frames[[frame - window.start for frame in frames]]
        with self.runner.arithmetic():
            return detect_landmarks(self.detector, pictures, padding=PADDING)


class GtPoints:
    """The five points of the ground truth's frames: those that came with the clip, or else found in it."""

    def __init__(self, detector: Path | None, digest: str, device: torch.device, profile: Profile) -> None:
        self.own = None if detector is None else OwnLandmarks(detector, digest, device, profile)

    def unfit(self, truth: TruthInfo) -> str:
        """Why a clip's points cannot be known; empty if they can."""
        if truth.landmarks is not None or self.own is not None:
            return ""
        return (
            "no landmarks came with this clip, and the detector that would find them on the ground truth is "
            "not here: run `vfsrbench weights fetch retinaface_r50`"
        )

    def prepare(self, truth: Window) -> None:
        """Find what has to be found, once for all methods."""
        if truth.truth.landmarks is None and self.own is not None:
            self.own.keep(truth)

    def of(self, truth: Window, frames: list[int]) -> Points:
        """(n, 5, 2) pixels of these frames, NaN where no face is known."""
        landmarks = truth.truth.landmarks
        if landmarks is not None:
            return landmarks[frames]
        if self.own is None:
            raise ValueError(self.unfit(truth.truth))
        return self.own.of(truth, frames)

    def depends_on(self, truth: Window) -> str:
        """A name for what the points of the scored frames come from."""
        landmarks = truth.truth.landmarks
        if landmarks is None:
            return self.own.key if self.own is not None else ""
        return array_name(landmarks[truth.scored.start : truth.scored.stop])
