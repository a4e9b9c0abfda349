"""Chroma planes to the size of luma and back, in whole numbers, for every place where chroma is sampled.

To enlarge: a cubic of four taps (FFmpeg's "bicubic") with weights in 1/64, first down, then across. To
reduce: the box or tent that is symmetric about the chroma sample, so that nothing moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.scratch import Scratch

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


def with_border(planes: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Planes of unsigned numbers in one array (planes, H + 4, W + 4); their edges are repeated all around."""
    sides = (BORDER,) * 4
    return np.stack(
        [cv2.copyMakeBorder(np.ascontiguousarray(p), *sides, cv2.BORDER_REPLICATE) for p in planes]
    )


@dataclass(frozen=True)
class Sampling:
    """How chroma is sampled.

    Attributes:
        middle: The value that stands for no colour.
        factors: Luma samples a chroma sample, across and down.
        siting: Where chroma is sampled.
    """

    middle: int
    factors: tuple[int, int]
    siting: Siting


def enlarge(bordered: NDArray[Any], sampling: Sampling, bits: int, scratch: Scratch) -> Iterator[Plane]:
    """Chroma at every pixel of its blocks, less `middle`, in steps of 2^-bits, rounded (halves up).

    Args:
        bordered: Rows of chroma planes of 8 to 12 bits, with two more on each side (see `with_border`).
        sampling: How they are sampled.
        bits: How finely the result is rounded; what is exact in fewer bits stays exact.
        scratch: Memory to work in.

    Yields:
        For each column of a block, whole numbers (planes, rows, W + 4), which hold until the next. The last
        four columns mean nothing: with them rows lie side by side in memory, which is twice as fast.
    """
    across, down = sampling.factors
    tall, fine = _enlarge_rows(bordered, sampling, down, scratch)
    flat = tall.ravel()
    length = flat.size - 2 * BORDER
    column, spare = (scratch.array(name, tall.shape, np.int32) for name in ("column", "spare column"))
    out = column.ravel()[:length]
    for sample, weights in taps(across, offset_across(sampling.siting, across), sampling.siting == "repeat"):
        parts = [flat[BORDER + sample + k :][:length] for k in (-1, 0, 1, 2)]
        if weights == CUBIC[0]:
            _round(parts[1], fine - bits, out)
        else:
            _weigh(parts, weights, out, spare.ravel()[:length])
            _round(out, fine + WEIGHT_BITS - bits, out)
        yield column


def _enlarge_rows(
    bordered: NDArray[Any], sampling: Sampling, down: int, scratch: Scratch
) -> tuple[Plane, int]:
    """Bordered planes enlarged down alone, and the bits after the point of their numbers."""
    # the weighted sums of 8 bits fit 16, in which all goes twice as fast
    kind: Any = np.int16 if bordered.dtype == np.uint8 else np.int32
    values = scratch.array("values", bordered.shape, kind)
    np.subtract(bordered, sampling.middle, out=values, dtype=kind, casting="unsafe")
    planes, rows, pitch = bordered.shape
    rows -= 2 * BORDER
    tall = scratch.array("tall", (planes, rows * down, pitch), np.int32)
    if down == 1:
        tall[:] = values[:, BORDER:-BORDER]
        return tall, 0
    out, spare = (scratch.array(name, (planes, rows, pitch), kind) for name in ("row", "spare row"))
    placed = taps(down, offset_down(sampling.siting, down), sampling.siting == "repeat")
    for pixel, (sample, weights) in enumerate(placed):
        parts = [values[:, BORDER + sample + k :][:, :rows] for k in (-1, 0, 1, 2)]
        _weigh(parts, weights, out, spare)
        tall[:, pixel::down] = out
    return tall, WEIGHT_BITS


def _weigh(parts: Sequence[NDArray[Any]], weights: Taps, out: NDArray[Any], spare: NDArray[Any]) -> None:
    """The weighted sum of four arrays, in their type."""
    before, first, second, after = parts
    if weights[0] == weights[3] != 0:
        np.add(first, second, out=out)
        np.multiply(out, weights[1], out=out)
        np.add(before, after, out=spare)
        np.multiply(spare, weights[0], out=spare)
        np.add(out, spare, out=out)
        return
    np.multiply(first, weights[1], out=out)
    for part, weight in ((before, weights[0]), (second, weights[2]), (after, weights[3])):
        if weight:
            np.multiply(part, weight, out=spare)
            np.add(out, spare, out=out)


def _round(values: NDArray[Any], bits: int, out: NDArray[Any]) -> None:
    """Values divided by 2^bits, halves up."""
    if bits <= 0:
        np.left_shift(values, -bits, out=out)
    else:
        np.add(values, 1 << (bits - 1), out=out)
        np.right_shift(out, bits, out=out)


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
