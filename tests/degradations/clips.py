"""Small clips for tests, made of whole numbers: the same on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from degradations.numerics.streams import Stream

BLOCK = 16


def moving_clip(frames: int = 4, height: int = 128, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth coloured texture with some grain that moves two pixels to the left in every frame."""
    rows, columns = height // BLOCK + 2, (width + 2 * frames) // BLOCK + 2
    stream = Stream("test clip", seed)
    coarse = stream.words(rows * columns * 3, 16).reshape(rows, columns, 3).astype(np.int64) >> 8
    tall = _between(coarse, height)
    wide = _between(tall.transpose(1, 0, 2), width + 2 * frames).transpose(1, 0, 2)
    grain = (stream.words(wide.size, 16) >> 12).astype(np.int64).reshape(wide.shape) - 8
    still = np.clip(wide + grain, 0, 255).astype(np.uint8)
    return np.stack([still[:, 2 * t : 2 * t + width] for t in range(frames)])


def _between(coarse: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Linear interpolation along the first axis, BLOCK times finer."""
    place, part = np.divmod(np.arange(length), BLOCK)
    part = part.reshape(-1, *([1] * (coarse.ndim - 1)))
    return (coarse[place] * (BLOCK - part) + coarse[place + 1] * part) // BLOCK
