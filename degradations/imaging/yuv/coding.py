"""How YUV samples stand for colours."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.yuv.chroma import Siting

Rgb = NDArray[np.uint8]
Matrix = Literal["bt601", "bt709", "bt2020", "fcc", "smpte240m"]

KR_KB: dict[Matrix, tuple[Fraction, Fraction]] = {
    "bt601": (Fraction(299, 1000), Fraction(114, 1000)),
    "bt709": (Fraction(2126, 10000), Fraction(722, 10000)),
    "bt2020": (Fraction(2627, 10000), Fraction(593, 10000)),
    "fcc": (Fraction(30, 100), Fraction(11, 100)),
    "smpte240m": (Fraction(212, 1000), Fraction(87, 1000)),
}
"""The shares of red and blue in luma."""


@dataclass(frozen=True)
class Coding:
    """How YUV samples stand for colours.

    Attributes:
        matrix: Which mixture of red, green and blue is luma.
        full_range: Whether samples take all values (JPEG), or those from 16 to 235 and 240 (video).
        depth: Bits a sample, 8 to 12.
        factors: Luma samples a chroma sample, across and down; (2, 2) is 4:2:0.
        siting: Where chroma is sampled.
    """

    matrix: Matrix = "bt601"
    full_range: bool = False
    depth: int = 8
    factors: tuple[int, int] = (1, 1)
    siting: Siting = "left"

    @property
    def black(self) -> int:
        """The luma of black."""
        return 0 if self.full_range else 16 << (self.depth - 8)

    @property
    def middle(self) -> int:
        """The chroma of grey."""
        return 1 << (self.depth - 1)


def to_rgb_factors(coding: Coding) -> tuple[Fraction, ...]:
    """Levels an 8-bit step: of luma; of V in red; of U and of V in green; of U in blue."""
    kr, kb = KR_KB[coding.matrix]
    kg = 1 - kr - kb
    full = Fraction(255 << (coding.depth - 8), (1 << coding.depth) - 1)
    luma, chroma = (full, full) if coding.full_range else (Fraction(255, 219), Fraction(255, 224))
    red, blue = 2 * (1 - kr) * chroma, 2 * (1 - kb) * chroma
    return luma, red, -blue * kb / kg, -red * kr / kg, blue


def to_yuv_factors(coding: Coding) -> tuple[tuple[Fraction, ...], ...]:
    """Steps a level of red, green and blue: of Y, U and V."""
    kr, kb = KR_KB[coding.matrix]
    kg = 1 - kr - kb
    luma, chroma = (Fraction(1),) * 2 if coding.full_range else (Fraction(219, 255), Fraction(224, 255))
    blue, red = chroma / (2 * (1 - kb)), chroma / (2 * (1 - kr))
    return (
        (kr * luma, kg * luma, kb * luma),
        (-kr * blue, -kg * blue, (1 - kb) * blue),
        ((1 - kr) * red, -kg * red, -kb * red),
    )
