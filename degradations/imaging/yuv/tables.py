"""What each code of luma and chroma adds to red, green and blue, and how the sums are rounded to levels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.yuv.coding import Coding, to_rgb_factors

FACTOR_BITS = 16
"""Factors are rounded to 2^-16 where sums are exact."""
_STEPS = 64  # a level, where chroma is interpolated
_LUMA_ZERO, _CHROMA_ZERO = -480, -32  # in levels: together the lowest number of 16 bits, where sums are cut
_GREEN_BITS = 16  # by which green's parts are finer there: only their sum is rounded


@dataclass(frozen=True, eq=False)
class Tables:
    """What codes add to red, green and blue.

    Attributes:
        luma: By luma, to all three, with what rounds halves up.
        red_v: By V, to red.
        green_u: By U, to green.
        green_v: By V, to green.
        blue_u: By U, to blue.
        green_bits: By how many bits green's parts are finer than the rest.
        bits: After the point of exact sums; None where they are of 1/64 level.
    """

    luma: NDArray[Any]
    red_v: NDArray[Any]
    green_u: NDArray[Any]
    green_v: NDArray[Any]
    blue_u: NDArray[Any]
    green_bits: int
    bits: int | None

    def levels(self, sums: NDArray[Any], out: NDArray[np.uint8]) -> None:
        """Sums as levels, cut to 0..255."""
        flat, result = sums.reshape(1, -1), out.reshape(1, -1)
        if self.bits is None:  # exact in the floats that OpenCV takes, and never half-way
            cv2.convertScaleAbs(flat, result, 1 / _STEPS, 1 / (2 * _STEPS) - _LUMA_ZERO - _CHROMA_ZERO)
        else:
            np.right_shift(sums, self.bits, out=sums)
            np.clip(sums, 0, 255, out=out, casting="unsafe")


def look_up(codes: NDArray[Any], table: NDArray[Any], out: NDArray[Any]) -> None:
    """The table's entries for codes."""
    if codes.dtype == np.uint8:
        cv2.LUT(codes, table, out)
    else:
        np.take(table, codes, out=out, mode="clip")


@lru_cache(maxsize=64)
def exact_tables(coding: Coding) -> Tables:
    """For chroma that is not interpolated: with factors of 16 bits all is exact, and rounded once."""
    fixed = [Fraction(round(factor * (1 << FACTOR_BITS))) for factor in to_rgb_factors(coding)]
    bits = FACTOR_BITS + coding.depth - 8
    luma = _table(fixed[0], coding, coding.black, np.int32) + np.int32(1 << (bits - 1))
    red_v, green_u, green_v, blue_u = (
        _table(factor, coding, coding.middle, np.int32) for factor in fixed[1:]
    )
    return Tables(luma, red_v, green_u, green_v, blue_u, green_bits=0, bits=bits)


@lru_cache(maxsize=64)
def fast_tables(coding: Coding) -> Tables:
    """For chroma that is interpolated: steps of 1/64 level, so that 16 bits hold sums, twice as fast as 32.

    Chroma's parts are rounded to the nearest step, luma's down, halves up at the end: thus no
    level is off by more than 1/2 + 1/128.
    """
    luma, red_v, green_u, green_v, blue_u = (
        factor * _STEPS / (1 << (coding.depth - 8)) for factor in to_rgb_factors(coding)
    )
    fine = 1 << _GREEN_BITS
    zero = _STEPS * _CHROMA_ZERO + Fraction(1, 2)
    return Tables(
        luma=_table(luma, coding, coding.black, np.int16, Fraction(_STEPS * _LUMA_ZERO)),
        red_v=_table(red_v, coding, coding.middle, np.int16, zero),
        green_u=_table(green_u * fine, coding, coding.middle, np.int32),
        green_v=_table(green_v * fine, coding, coding.middle, np.int32, zero * fine),
        blue_u=_table(blue_u, coding, coding.middle, np.int16, zero),
        green_bits=_GREEN_BITS,
        bits=None,
    )


def _table(
    factor: Fraction, coding: Coding, zero: int, kind: Any, offset: Fraction = Fraction(0)
) -> NDArray[Any]:
    """For each code: its distance from zero, times a factor, plus an offset, rounded down."""
    values = (factor * (code - zero) + offset for code in range(1 << coding.depth))
    return np.array([value.numerator // value.denominator for value in values], kind)
