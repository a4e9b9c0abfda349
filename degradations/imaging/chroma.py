"""Chroma planes to the size of luma and back, in whole numbers, for every place where chroma is sampled.

To enlarge: a cubic of four taps (FFmpeg's "bicubic") with weights in 1/64, first down, then across. To
reduce: the box or tent that is symmetric about the chroma sample, so that nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.int32]
Taps = tuple[int, int, int, int]
Siting = Literal["left", "center", "topleft", "top", "bottomleft", "bottom", "repeat"]
"""Where in its block of pixels chroma is sampled. `repeat`: in the middle, and not interpolated."""

BORDER = 2
WEIGHT_BITS = 6
CUBIC: tuple[Taps, ...] = (
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


def offset_across(siting: Siting, factor: int) -> int:
    """Half pixels from a block's first pixel to its chroma sample, across."""
    return 0 if siting in ("left", "topleft", "bottomleft") else factor - 1


def offset_down(siting: Siting, factor: int) -> int:
    """Half pixels from a block's first row to its chroma sample, down."""
    if siting in ("topleft", "top"):
        return 0
    return 2 * (factor - 1) if siting in ("bottomleft", "bottom") else factor - 1


def taps(factor: int, offset: int, repeat: bool) -> list[tuple[int, Taps]]:
    """For each pixel of a block: the chroma sample left of it (0 is the block's own), and four weights."""
    if repeat:
        return [(0, CUBIC[0])] * factor
    eighths = [4 * (2 * pixel - offset) // factor for pixel in range(factor)]
    return [(place >> 3, CUBIC[place & 7]) for place in eighths]


def with_border(plane: NDArray[Any]) -> NDArray[Any]:
    """A plane of unsigned numbers with its edges repeated twice on all four sides, as `enlarge` wants it."""
    bordered: NDArray[Any] = cv2.copyMakeBorder(
        np.ascontiguousarray(plane), BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE
    )
    return bordered


def enlarge(bordered: NDArray[Any], middle: int, factors: tuple[int, int], siting: Siting) -> Plane:
    """Chroma at every pixel of its blocks, less `middle`.

    Args:
        bordered: Rows of a chroma plane with two more on each side, of 8 to 12 bits.
        middle: The value that stands for no colour.
        factors: Luma samples a chroma sample, across and down.
        siting: Where chroma is sampled.

    Returns:
        Whole numbers, times 64 for each of the two directions in which the factor is not 1.
    """
    across, down = factors
    # the weighted sums of 8 bits fit 16
    kind: Any = np.int16 if bordered.dtype == np.uint8 else np.int32
    values: NDArray[Any] = np.subtract(bordered, middle, dtype=kind, casting="unsafe")
    rows, columns = (size - 2 * BORDER for size in values.shape)
    tall = np.empty((rows * down, values.shape[1]), values.dtype)
    for pixel, (sample, weights) in enumerate(taps(down, offset_down(siting, down), siting == "repeat")):
        parts = [values[BORDER + sample + k :][:rows] for k in (-1, 0, 1, 2)]
        tall[pixel::down] = parts[1] if down == 1 else _weighted(parts, weights)
    wide = np.empty((rows * down, columns * across), np.int32)
    for pixel, (sample, weights) in enumerate(
        taps(across, offset_across(siting, across), siting == "repeat")
    ):
        parts = [tall[:, BORDER + sample + k :][:, :columns] for k in (-1, 0, 1, 2)]
        wide[:, pixel::across] = parts[1] if across == 1 else _weighted(parts, weights, np.int32)
    return wide


def _weighted(parts: Sequence[NDArray[Any]], weights: Taps, dtype: Any = None) -> NDArray[Any]:
    """The weighted sum of four arrays."""
    before, first, second, after = parts
    if weights[0] == weights[3] != 0:
        total = np.multiply(np.add(first, second, dtype=dtype), weights[1], dtype=dtype)
        total += np.multiply(np.add(before, after, dtype=dtype), weights[0], dtype=dtype)
        return total
    total = np.multiply(first, weights[1], dtype=dtype)
    for part, weight in ((before, weights[0]), (second, weights[2]), (after, weights[3])):
        if weight:
            total += np.multiply(part, weight, dtype=dtype)
    return total


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
