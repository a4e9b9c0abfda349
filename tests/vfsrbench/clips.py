"""Clips for tests: random frames, written the way users have them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


def noise(frames: int, height: int = 20, width: int = 30, seed: int = 0) -> Frames:
    """Random frames (T, H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3)).astype(np.uint8)


def picture_folder(path: Path, frames: Frames, names: list[str] | None = None, suffix: str = ".png") -> Path:
    """The frames as pictures in a new folder, 00000000.png and so on unless named."""
    path.mkdir(parents=True)
    for i, frame in enumerate(frames):
        name = names[i] if names else f"{i:08d}"
        (path / f"{name}{suffix}").write_bytes(cv2.imencode(suffix, frame[..., ::-1])[1].tobytes())
    return path
