"""YUV planes to 8-bit RGB and back in whole numbers: the same bits on every machine.

Coefficients are rounded to 1/65536. Going to RGB, luma and interpolated chroma are whole numbers of 1/32 of
an 8-bit step; red, green and blue are rounded to 8 bits once, at the end. Going to YUV, so are Y, U and V.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.scratch import Scratch
from degradations.imaging.yuv.chroma import BORDER, Plane, Sampling, Siting, enlarge, reduce, with_border

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

_BITS = 16  # of the coefficients
_STEP_BITS = 5  # samples are whole numbers of 1/32 of an 8-bit step; then all sums fit 32 bits
_NOTHING: Any = 0
_BLOCK = 1 << 16  # pixels converted at a time, so that they stay in the processor's cache


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


def yuv_to_rgb(
    planes: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    coding: Coding,
    out: Rgb | None = None,
    scratch: Scratch | None = None,
) -> Rgb:
    """RGB of whole Y, U and V planes.

    Args:
        planes: Y (H, W), U and V (their rows and columns rounded up), unsigned whole numbers.
        coding: What they stand for.
        out: Where to put it (C order); None makes an array.
        scratch: Memory to work in, for many frames; None takes some for this one.

    Returns:
        (H, W, 3). Colours outside RGB are cut to 0 and 255.
    """
    luma, scratch = planes[0], scratch or Scratch()
    height, width = luma.shape
    across, down = coding.factors
    chroma = with_border(planes[1:])
    columns = chroma.shape[2] - 2 * BORDER
    if columns * across != width:
        luma = np.pad(luma, ((0, 0), (0, columns * across - width)))
    fits = out is not None and columns * across == width
    rgb = out if out is not None and fits else np.empty((height, columns * across, 3), np.uint8)
    blocks = rgb.reshape(height, columns, 3 * across)  # a block's pixels side by side
    sampling = Sampling(coding.middle, coding.factors, coding.siting)
    step = max(1, _BLOCK // width // down) * down
    for first in range(0, height, step):
        last = min(first + step, height)
        near = chroma[:, first // down : -(-last // down) + 2 * BORDER]
        channels = []
        for column, (u, v) in enumerate(enlarge(near, sampling, 8 + _STEP_BITS - coding.depth, scratch)):
            rows = luma[first:last, column::across]
            channels += _mix(rows, u[: last - first], v[: last - first], coding, scratch)
        cv2.merge([channel[:, :columns] for channel in channels], blocks[first:last])
    if fits:
        return rgb
    if out is None:
        return np.ascontiguousarray(rgb[:, :width])
    out[:] = rgb[:, :width]
    return out


def grey_to_rgb(plane: NDArray[Any], full_range: bool, depth: int) -> Rgb:
    """RGB of a plane of luma alone, up to 16 bits."""
    codes = np.arange(1 << depth, dtype=np.int64)
    black, white = (0, (1 << depth) - 1) if full_range else (16 << (depth - 8), 235 << (depth - 8))
    table = np.clip((2 * 255 * (codes - black) + (white - black)) // (2 * (white - black)), 0, 255)
    level = table.astype(np.uint8)[plane]
    return np.repeat(level[:, :, None], 3, axis=2)


def rgb_to_yuv(rgb: Rgb, coding: Coding) -> tuple[Rgb, Rgb, Rgb]:
    """Y (H, W), U and V (rows and columns rounded up) of RGB (H, W, 3), 8 bits each."""
    luma_factors, *chroma_factors = _to_yuv_factors(coding)
    colours = [rgb[:, :, channel].astype(np.int32) for channel in range(3)]
    luma = _rounded(luma_factors, colours, _BITS) + coding.black
    reduced = [reduce(plane, coding.factors, coding.siting) for plane in colours]
    sums, bits = [plane for plane, _ in reduced], reduced[0][1]
    u, v = (_rounded(factors, sums, _BITS + bits) + coding.middle for factors in chroma_factors)
    return _bytes(luma), _bytes(u), _bytes(v)


def _mix(luma: NDArray[Any], u: Plane, v: Plane, coding: Coding, scratch: Scratch) -> list[NDArray[Any]]:
    """Red, green and blue where chroma is u and v, in 1/32 of an 8-bit step; these may have more columns."""
    from_luma, red_v, green_u, green_v, blue_u = _to_rgb_factors(coding)
    bits = _BITS + _STEP_BITS
    from_luma <<= 8 + _STEP_BITS - coding.depth
    base, total, more = scratch.array("mix", (3, *u.shape), np.int32)
    base[:, : luma.shape[1]] = luma
    np.multiply(base, from_luma, out=base)
    np.add(base, (1 << (bits - 1)) - from_luma * coding.black, out=base)
    channels: list[NDArray[Any]] = []
    for terms in (((v, red_v),), ((u, green_u), (v, green_v)), ((u, blue_u),)):
        np.multiply(*terms[0], out=total)
        for term in terms[1:]:
            np.add(total, np.multiply(*term, out=more), out=total)
        np.add(total, base, out=total)
        np.right_shift(total, bits, out=total)
        channels.append(cv2.add(total, _NOTHING, dtype=cv2.CV_8U))  # cut to 0..255
    return channels


def _rounded(factors: tuple[int, ...], colours: list[Plane], bits: int) -> Plane:
    total = factors[0] * colours[0] + factors[1] * colours[1] + factors[2] * colours[2]
    rounded: Plane = (total + (1 << (bits - 1))) >> bits
    return rounded


def _bytes(plane: Plane) -> NDArray[np.uint8]:
    return np.clip(plane, 0, 255).astype(np.uint8)


@lru_cache(maxsize=64)
def _to_rgb_factors(coding: Coding) -> tuple[int, int, int, int, int]:
    """Levels an 8-bit step, times 65536: of luma; of V in red; of U and of V in green; of U in blue."""
    kr, kb = KR_KB[coding.matrix]
    kg = 1 - kr - kb
    full = Fraction(255 << (coding.depth - 8), (1 << coding.depth) - 1)
    luma, chroma = (full, full) if coding.full_range else (Fraction(255, 219), Fraction(255, 224))
    red, blue = 2 * (1 - kr) * chroma, 2 * (1 - kb) * chroma
    from_luma, red_v, green_u, green_v, blue_u = _fixed(luma, red, -blue * kb / kg, -red * kr / kg, blue)
    return from_luma, red_v, green_u, green_v, blue_u


@lru_cache(maxsize=64)
def _to_yuv_factors(coding: Coding) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Steps a level of red, green and blue, times 65536: of Y, U and V."""
    kr, kb = KR_KB[coding.matrix]
    kg = 1 - kr - kb
    luma, chroma = (1, 1) if coding.full_range else (Fraction(219, 255), Fraction(224, 255))
    blue, red = chroma / (2 * (1 - kb)), chroma / (2 * (1 - kr))
    return (
        _fixed(kr * luma, kg * luma, kb * luma),
        _fixed(-kr * blue, -kg * blue, (1 - kb) * blue),
        _fixed((1 - kr) * red, -kg * red, -kb * red),
    )


def _fixed(*factors: Fraction) -> tuple[int, ...]:
    return tuple(round(factor * (1 << _BITS)) for factor in factors)
