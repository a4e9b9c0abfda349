"""Five points of the largest face by dlib: a detector, and the 68 landmarks in the box it finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vfsrbench.faces.networks.dlib_faces import DlibDetector, DlibLandmarks, five_points

Frames = NDArray[np.uint8]


class DlibFivePoints:
    """Finds the largest face's five points in frames, each by itself.

    Args:
        landmarks: The 68 landmarks, from which the five points follow (`five_points`).
        detectors: Looked through in order until one finds a face.
    """

    def __init__(self, landmarks: DlibLandmarks, *detectors: DlibDetector) -> None:
        self.landmarks, self.detectors = landmarks, detectors

    def __call__(self, frames: Frames) -> NDArray[np.float64]:
        """(n, 5, 2) pixels of uint8 RGB frames (n, H, W, 3); NaN where no face was found."""
        found = np.full((len(frames), 5, 2), np.nan)
        for slot, frame in zip(found, frames, strict=True):
            box = self._box(frame)
            if box is not None:
                slot[...] = five_points(self.landmarks.find(frame, box)[None])[0]
        return found

    def _box(self, frame: Frames) -> NDArray[np.int64] | None:
        boxes = (detector.largest(frame) for detector in self.detectors)
        return next((box for box in boxes if box is not None), None)
