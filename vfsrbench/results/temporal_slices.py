"""Temporal column slices: one column of every frame, side by side in time (KEEP, Fig. 5)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.clip import Clip

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]
Column = float | Literal["auto"]
_BLOCK = 8
_MIDDLE = 0.6  # what is chosen lies in the middle of the picture: the face, not what passes behind it


def motion(clip: Clip) -> Floats:
    """How much each pixel changes: the sum of absolute steps between frames, (H, W), in grey levels."""
    total = np.zeros((clip.height, clip.width))
    for _, _, frames in clip.windows(_BLOCK, context=1):
        total += np.abs(np.diff(frames.astype(np.int16), axis=0)).sum(axis=(0, 3))
    return total


def choose_column(column: Column, width: int, moved: Floats | None = None) -> int:
    """The column's number: a fraction of the width, or (`auto`) the one in the middle that moves most."""
    if column != "auto":
        return min(width - 1, int(column * width))
    assert moved is not None, "an automatic column needs the clip's motion"
    inner = moved[_inner(len(moved))].sum(axis=0)
    near = max(1, width // 64)
    smooth = np.convolve(inner, np.ones(2 * near + 1), mode="same")
    middle = _inner(width)
    return middle.start + int(smooth[middle].argmax())


def choose_rows(moved: Floats, column: int, height: int) -> tuple[int, int]:
    """The `height` rows of the column that move most, as first and last + 1; in the middle if they fit."""
    near = max(1, moved.shape[1] // 64)
    line = moved[:, max(0, column - near) : column + near + 1].sum(axis=1)
    middle = _inner(len(moved))
    if height > middle.stop - middle.start:
        middle, height = slice(0, len(moved)), min(height, len(moved))
    total = np.concatenate([[0.0], line[middle].cumsum()])
    first = middle.start + int((total[height:] - total[:-height]).argmax())
    return first, first + height


def _inner(size: int) -> slice:
    margin = int(size * (1 - _MIDDLE) / 2)
    return slice(margin, size - margin)


def cut(clip: Clip, column: int, of_width: int | None = None) -> Frames:
    """The column of every frame, time to the right: uint8 RGB (H, T, 3).

    `of_width` is the width that `column` was chosen in, when the clip is smaller (a degraded one).
    """
    place = column * clip.width // (of_width or clip.width)
    parts = [frames[:, :, place] for _, _, frames in clip.windows(_BLOCK)]
    return np.ascontiguousarray(np.concatenate(parts).transpose(1, 0, 2))
