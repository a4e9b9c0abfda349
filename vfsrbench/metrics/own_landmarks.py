"""Five points found in a picture itself, for the columns that align each picture on its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.arithmetic import Profile
from vfsrbench.faces.detect import FaceDetector, detect_landmarks
from vfsrbench.faces.retinaface import retinaface_resnet50
from vfsrbench.metrics.base import Window
from vfsrbench.metrics.inference import loaded, runner

PADDING = 0.25
"""Part of the frame's size that is added on each side: faces that fill the frame are found more surely."""


class OwnLandmarks:
    """RetinaFace (ResNet-50): the largest face of each frame."""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.runner = runner(
            ("retinaface_r50", path), partial(loaded, retinaface_resnet50, path), device, profile
        )
        self.detector = FaceDetector(self.runner.network)

    def of(self, window: Window, frames: list[int]) -> NDArray[np.float64]:
        """(n, 5, 2) points of these frames, NaN where no face was found; found once a window and frame."""
        known: dict[int, NDArray[np.float64]] = window.memo(("own landmarks",), dict)
        missing = [frame for frame in frames if frame not in known]
        if missing:
            pictures = window.frames[[frame - window.start for frame in missing]]
            with self.runner.arithmetic():
                found = detect_landmarks(self.detector, pictures, padding=PADDING)
            known.update(zip(missing, found, strict=True))
        return np.array([known[frame] for frame in frames]).reshape(-1, 5, 2)
