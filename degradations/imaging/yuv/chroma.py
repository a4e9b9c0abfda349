"""Chroma planes to the size of luma and back, in whole numbers, for every place where chroma is sampled.

To enlarge: a cubic of four taps (FFmpeg's "bicubic") with weights in 1/64, first down, then across. To
reduce: the box or tent that is symmetric about the chroma sample, so that nothing moves.
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.scratch import Scratch

Plane = NDArray[Any]  # of signed whole numbers
Place = tuple[int, int]
"""A sample (0 is a block's own), and how many eighths of the way to the next."""
Siting = Literal["left", "center", "topleft", "top", "bottomleft", "bottom", "repeat"]
"""Where in its block of pixels chroma is sampled. `repeat`: in the middle, and not interpolated."""

BORDER = 2
SAMPLE: Place = (0, 0)
CUBIC = (
    (0, 64, 0, 0),
    (-4, 62, 6, 0),
    (-5, 56, 15, -2),
    (-6, 47, 26, -3),
    (-5, 37, 37, -5),
    (-3, 26, 47, -6),
    (-2, 15, 56, -5),
    (0, 6, 62, -4),
)
"""Weights in 1/64 of the samples -1, 0, 1 and 2 for a place 0, 1/8, ... 7/8 after sample 0: the cubic with
B = 0 and C = 0.6, rounded so that each row's sum is 64."""
_WEIGHTS = tuple(tuple(weight / 64 for weight in row) for row in CUBIC)


def offset_across(siting: Siting, factor: int) -> int:
    """Half pixels from a block's first pixel to its chroma sample, across."""
    return 0 if siting in ("left", "topleft", "bottomleft") else factor - 1


def offset_down(siting: Siting, factor: int) -> int:
    """Half pixels from a block's first row to its chroma sample, down."""
    if siting in ("topleft", "top"):
        return 0
    return 2 * (factor - 1) if siting in ("bottomleft", "bottom") else factor - 1


def places(factor: int, offset: int) -> list[Place]:
    """Where the pixels of a block lie among chroma samples."""
    eighths = [4 * (2 * pixel - offset) // factor for pixel in range(factor)]
    return [(place >> 3, place & 7) for place in eighths]


def with_border(plane: NDArray[Any]) -> NDArray[Any]:
    """A plane of unsigned numbers with its edges repeated all around: (H + 4, W + 4)."""
    bordered: NDArray[Any] = cv2.copyMakeBorder(
        np.ascontiguousarray(plane), *(BORDER,) * 4, borderType=cv2.BORDER_REPLICATE
    )
    return bordered


def enlarge(planes: Plane, rows_at: list[Place], columns_at: list[Place], scratch: Scratch) -> Plane:
    """Values at the places of a block's rows and columns, for each sample: first down, then across.

    Args:
        planes: (planes, H, W), with a border of two samples.
        rows_at: See `places`.
        columns_at: See `places`.
        scratch: Memory to work in.

    Returns:
        (planes, H * rows, W * columns); what is made of the border means nothing.
    """
    (count, height, width), down, across = planes.shape, len(rows_at), len(columns_at)
    if down > 1:
        tall = scratch.array("tall", (count * height, down, width), planes.dtype)
        for number, place in enumerate(rows_at):
            _interpolate(planes.reshape(-1, width), place, tall[:, number], scratch)
        planes = tall.reshape(count, -1, width)
    if across == 1:
        return planes
    flat, columns = planes.reshape(-1, 1), []
    for number, place in enumerate(columns_at):
        column = flat
        if place != SAMPLE:
            column = scratch.array(f"column {number}", flat.shape, flat.dtype)
            _interpolate(flat, place, column, scratch)
        columns.append(column)
    # OpenCV writes aligned memory past the cache, out of which it is read again at once: hence not that
    wide: Plane = scratch.array("wide", (1 + across * flat.size,), flat.dtype)[1:]
    cv2.merge(columns, wide.reshape(-1, 1, across))
    return wide.reshape(*planes.shape[:2], -1)


def _interpolate(samples: Plane, place: Place, out: Plane, scratch: Scratch) -> None:
    """Values at a place of each sample but the first and last two, along the first axis, by the cubic.

    The sum of the inner two terms is rounded halves up, of the outer two halves down: what is flat stays so.
    """
    sample, eighths = place
    out = out[2:-2]
    if eighths == 0:
        out[:] = samples[2 + sample :][: len(out)]
        return
    before, first, second, after = (samples[2 + sample + k :][: len(out)] for k in (-1, 0, 1, 2))
    w_before, w_first, w_second, w_after = _WEIGHTS[eighths]
    outer = scratch.array("outer", out.shape, np.int16)
    # exact in the floats that OpenCV takes; with 1/128 more or less never half-way
    cv2.addWeighted(first, w_first, second, w_second, 1 / 128, out)
    cv2.addWeighted(before, w_before, after, w_after, -1 / 128, outer)
    cv2.add(out, outer, out)


def reduce(plane: Plane, factors: tuple[int, int], siting: Siting) -> tuple[Plane, int]:
    """Weighted sums of a plane about each chroma sample, and the bits to shift them by for their mean.

    A box over the block where chroma is sampled in its middle, else a tent about the sample that reaches as
    far as the samples beside it. Rows and columns beyond an edge are the edge's.
    """
    across, down = factors
    plane, bits_down = _reduce_rows(plane, down, offset_down(siting, down))
    turned, bits_across = _reduce_rows(plane.T, across, offset_across(siting, across))
    return turned.T, bits_down + bits_across


def _reduce_rows(plane: Plane, factor: int, offset: int) -> tuple[Plane, int]:
    if factor == 1:
        return plane, 0
    if offset == factor - 1:
        start, weights = 0, [1] * factor
    else:
        start = offset // 2 - factor + 1
        weights = [factor - abs(k - factor + 1) for k in range(2 * factor - 1)]
    count = -(-len(plane) // factor)
    total = np.zeros((count, *plane.shape[1:]), np.int32)
    blocks = factor * np.arange(count)
    for k, weight in enumerate(weights):
        rows = np.clip(blocks + start + k, 0, len(plane) - 1)
        total += plane[rows] * np.int32(weight)
    return total, sum(weights).bit_length() - 1
