"""Small clips for the metrics' tests: a smooth texture in motion, and ways to spoil it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.metric import Frames

SIZE = 64
STEP = (1.5, -0.75)  # pixels a frame, x then y


def moving(frames: int, size: int = SIZE) -> Frames:
    """(frames, size, size, 3): a soft colour texture that moves by STEP a frame and runs round the edge."""
    rng = np.random.default_rng(12)
    spectrum = np.fft.fft2(rng.standard_normal((3, size, size)))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None, :]
    spectrum *= np.exp(-(fx**2 + fy**2) / (2 * 0.06**2))
    out = np.empty((frames, size, size, 3), np.uint8)
    scale = 0.0
    for t in range(frames):
        shift = np.exp(-2j * np.pi * (fx * STEP[0] * t + fy * STEP[1] * t))
        planes = np.fft.ifft2(spectrum * shift).real
        scale = scale or 60 / planes.std()
        out[t] = np.clip(np.rint(128 + scale * planes), 0, 255).transpose(1, 2, 0)
    return out


def motion(a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The exact flow of `moving` from frame a to frame b, and where its target lies inside the picture."""
    step = np.array(STEP, np.float32)[:, None, None] * np.float32(b - a)
    flow = np.broadcast_to(step, (2, SIZE, SIZE)).astype(np.float32)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    x, y = columns + flow[0], rows + flow[1]
    return flow, (x >= 0) & (x <= SIZE - 1) & (y >= 0) & (y <= SIZE - 1)


def noisy(frames: Frames, strength: float) -> Frames:
    """Independent noise on each frame, up to +-50 grey levels; the same frames give the same noise."""
    return np.stack([_noise(frame, strength) for frame in frames])


def _noise(frame: Frames, strength: float) -> Frames:
    seed = int(frame.astype(np.uint32).sum())
    noise = np.random.default_rng(seed).uniform(-50, 50, frame.shape) * strength
    return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def blurred(frames: Frames, strength: float) -> Frames:
    """Each frame under a Gaussian of up to 4 pixels."""
    if strength == 0:
        return frames.copy()
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 4 * strength) for frame in frames])
