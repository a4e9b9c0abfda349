"""Bicubic sampling in integers: the same bytes on every machine, whatever its vector instructions.

Keys' cubic (a = -1/2) at positions of 1/1024 pixel, weights rounded to 1/4096 with their sum kept at one.
Only integer sums and shifts follow, so no order of operations can change a bit. OpenCV's remap would
be faster, but its positions have 1/32 pixel in one release and full precision in the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.int32]
POSITION_BITS = 10
VALUE_BITS = 4  # pictures are sampled in 1/16 of an 8-bit level
OUT_BITS = 6  # and come out in 1/64
_WEIGHT_BITS = 12
_BETWEEN_BITS = _WEIGHT_BITS + VALUE_BITS - OUT_BITS


def positions(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Pixel coordinates as whole numbers of 1/1024 pixel, rounded half up."""
    return np.floor(values * (1 << POSITION_BITS) + 0.5).astype(np.int32)


def sample(planes: Planes, x: NDArray[np.int32], y: NDArray[np.int32]) -> Planes:
    """Values of (C, H, W) planes at positions in 1/1024 pixel, the border repeated outside.

    `planes` hold at most 12 bits (1/16 level); the result, (C, *x.shape), is in 1/64 level and may
    overshoot the range a little.
    """
    height, width = planes.shape[1:]
    flat = planes.reshape(len(planes), -1)
    table = _weights()
    column, row = x >> POSITION_BITS, y >> POSITION_BITS
    across, down = table[:, x & 1023], table[:, y & 1023]
    columns = [np.clip(column + tap, 0, width - 1) for tap in (-1, 0, 1, 2)]
    out = np.zeros((len(planes), *x.shape), np.int32)
    for tap in range(4):
        start = np.clip(row + (tap - 1), 0, height - 1) * width
        places = [start + c for c in columns]
        for plane, total in zip(flat, out, strict=True):
            line = np.take(plane, places[0]) * across[0]
            for k in (1, 2, 3):
                line += np.take(plane, places[k]) * across[k]
            total += _rounded(line, _BETWEEN_BITS) * down[tap]
    return _rounded(out, _WEIGHT_BITS)


def _rounded(values: Planes, bits: int) -> Planes:
    return (values + (1 << (bits - 1))) >> bits


def _weights() -> NDArray[np.int32]:
    """(4, 1024): the taps' weights at every position between two pixels, in 1/4096, summing to 4096."""
    f = np.arange(1 << POSITION_BITS, dtype=np.int64)
    one = 1 << POSITION_BITS

    def inner(d: NDArray[np.int64]) -> NDArray[np.int64]:  # (3/2) d^3 - (5/2) d^2 + 1, times 2 * 1024^3
        return 3 * d**3 - 5 * d**2 * one + 2 * one**3

    def outer(d: NDArray[np.int64]) -> NDArray[np.int64]:  # -(1/2) d^3 + (5/2) d^2 - 4 d + 2, likewise
        return -(d**3) + 5 * d**2 * one - 8 * d * one**2 + 4 * one**3

    exact = np.stack([outer(one + f), inner(f), inner(one - f), outer(2 * one - f)])
    shift = 3 * POSITION_BITS + 1 - _WEIGHT_BITS
    rounded = (exact + (1 << (shift - 1))) >> shift
    nearest = (f >= one // 2) + 1  # what rounding left over goes to the larger inner tap
    rounded[nearest, f] += (1 << _WEIGHT_BITS) - rounded.sum(axis=0)
    return rounded.astype(np.int32)
