"""Temporal column slices: one column of every frame, side by side in time (KEEP, Fig. 5).

Where the face is known, an automatic column goes through it; elsewhere through what moves most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]
Column = float | Literal["auto"]
_BLOCK = 8
_MIDDLE = 0.6  # what is chosen without landmarks lies in the middle: there is the face, more often than not
# of 68 landmarks the five: irises by the eyes' outlines, tip of the nose, corners of the mouth
_FIVE_OF_68 = (range(36, 42), range(42, 48), (30,), (48,), (54,))
_CHIN = (
    0.6  # below the mouth, as a part of the way from the eyes to the mouth; the hairline is as far above them
)


def motion(clip: Clip) -> Floats:
    """How much each pixel changes: the sum of absolute steps between frames, (H, W), in grey levels."""
    total = np.zeros((clip.height, clip.width))
    for _, _, frames in clip.windows(_BLOCK, context=1):
        total += np.abs(np.diff(frames.astype(np.int16), axis=0)).sum(axis=(0, 3))
    return total


@dataclass(frozen=True)
class Spot:
    """Something of the face that a column goes through, (x, y) in pixels, and the rows of the face there."""

    name: str
    x: float
    y: float
    rows: tuple[int, int]


def face_spots(points: Floats, height: int, width: int) -> list[Spot]:
    """Eyes, corners of the mouth and the hairline, where they are in the middle of time.

    Args:
        points: (T, 5, 2) or (T, 68, 2) landmarks in pixels, x then y, NaN where no face was found.
        height: Of the frames.
        width: Of the frames.

    Returns:
        Those that lie in the picture; left and right are the picture's. Empty if there is no face.
    """
    if points.shape[1] == 68:
        points = np.stack([points[:, list(which)].mean(axis=1) for which in _FIVE_OF_68], axis=1)
    seen = points[~np.isnan(points).any(axis=(1, 2))]
    if points.shape[1:] != (5, 2) or not len(seen):
        return []
    left_eye, right_eye, _, left_mouth, right_mouth = np.median(seen, axis=0)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    down = float(mouth[1] - eyes[1])
    hair = (float(eyes[0]), float(eyes[1]) - down)
    low = float(mouth[1]) + _CHIN * down
    rows = (
        max(0, min(height - 1, round(min(hair[1], low)))),
        min(height, max(1, round(max(hair[1], low)) + 1)),
    )
    named = {
        "the left eye": left_eye,
        "the right eye": right_eye,
        "the left corner of the mouth": left_mouth,
        "the right corner of the mouth": right_mouth,
        "the hairline": hair,
    }
    spots = [Spot(name, float(x), float(y), rows) for name, (x, y) in named.items()]
    return [s for s in spots if 0 <= s.x <= width - 1 and 0 <= s.y <= height - 1]


def liveliest(spots: Sequence[Spot], moved: Floats) -> Spot:
    """The spot in whose column the face moves most."""
    near = max(1, moved.shape[1] // 64)

    def motion_of(spot: Spot) -> float:
        x, (first, last) = round(spot.x), spot.rows
        return float(moved[first:last, max(0, x - near) : x + near + 1].mean())

    return max(spots, key=motion_of)


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


def choose_rows(moved: Floats, column: int, height: int, spot: Spot | None = None) -> tuple[int, int]:
    """The `height` rows of the column that move most, as first and last + 1; in the middle if they fit, or
    those around a spot of the face."""
    near = max(1, moved.shape[1] // 64)
    line = moved[:, max(0, column - near) : column + near + 1].sum(axis=1)
    middle = _inner(len(moved)) if spot is None else _around(spot, height, len(moved))
    if height > middle.stop - middle.start:
        middle, height = slice(0, len(moved)), min(height, len(moved))
    total = np.concatenate([[0.0], line[middle].cumsum()])
    first = middle.start + int((total[height:] - total[:-height]).argmax())
    return first, first + height


def _around(spot: Spot, height: int, size: int) -> slice:
    """Where `height` rows may lie that have the spot in their middle half."""
    reach = height - height // 4
    return slice(max(0, round(spot.y) - reach), min(size, round(spot.y) + reach))


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
