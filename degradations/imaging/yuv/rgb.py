"""YUV planes to 8-bit RGB and back in whole numbers: the same bits on every machine.

Going to RGB, what luma and chroma add to each colour is looked up, chroma's parts are interpolated, and the
sum is rounded to 8 bits. Going to YUV, coefficients are of 16 bits; Y, U and V are rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.imaging.scratch import Scratch
from degradations.imaging.yuv.chroma import (
    BORDER,
    SAMPLE,
    Plane,
    enlarge,
    offset_across,
    offset_down,
    places,
    reduce,
    with_border,
)
from degradations.imaging.yuv.coding import Coding, Rgb, to_yuv_factors
from degradations.imaging.yuv.tables import FACTOR_BITS, Tables, exact_tables, fast_tables, look_up

_BLOCK = 1 << 16  # pixels converted at a time, so that they stay in the processor's cache


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
    luma, u, v = planes
    height, width = luma.shape
    across = coding.factors[0]
    if out is None:
        out = np.empty((height, width, 3), np.uint8)
    if width % across == 0:
        _convert((luma, u, v), coding, out, scratch or Scratch())
    else:
        whole = u.shape[1] * across
        rgb = np.empty((height, whole, 3), np.uint8)
        _convert((np.pad(luma, ((0, 0), (0, whole - width))), u, v), coding, rgb, scratch or Scratch())
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
    luma_factors, *chroma_factors = to_yuv_factors(coding)
    colours = [rgb[:, :, channel].astype(np.int32) for channel in range(3)]
    luma = _rounded(luma_factors, colours, FACTOR_BITS) + coding.black
    reduced = [reduce(plane, coding.factors, coding.siting) for plane in colours]
    sums, bits = [plane for plane, _ in reduced], reduced[0][1]
    u, v = (_rounded(factors, sums, FACTOR_BITS + bits) + coding.middle for factors in chroma_factors)
    return _bytes(luma), _bytes(u), _bytes(v)


def _convert(planes: Sequence[NDArray[Any]], coding: Coding, out: Rgb, scratch: Scratch) -> None:
    """Planes whose width is a whole number of blocks."""
    (across, down), siting = coding.factors, coding.siting
    luma, (u, v) = planes[0], (with_border(plane) for plane in planes[1:])
    if siting == "repeat" or coding.factors == (1, 1):
        tables, rows_at, columns_at = exact_tables(coding), [SAMPLE] * down, [SAMPLE] * across
    else:
        tables = fast_tables(coding)
        rows_at = places(down, offset_down(siting, down))
        columns_at = places(across, offset_across(siting, across))
    height, width = luma.shape
    step = max(1, _BLOCK // width // down) * down
    for first in range(0, height, step):
        near = slice(first // down, (first + step) // down + 2 * BORDER)
        parts = _chroma_parts(u[near], v[near], tables, scratch)
        chroma = enlarge(parts, rows_at, columns_at, scratch)[:, BORDER * down :]
        lines = slice(first, min(first + step, height))
        _add_luma(luma[lines], chroma, tables, out[lines], scratch)


def _chroma_parts(u: NDArray[Any], v: NDArray[Any], tables: Tables, scratch: Scratch) -> NDArray[Any]:
    """What chroma adds to red, green and blue (3, H, W)."""
    parts = scratch.array("parts", (3, *u.shape), tables.red_v.dtype)
    green, more = scratch.array("green", (2, *u.shape), np.int32)
    look_up(v, tables.red_v, parts[0])
    look_up(u, tables.green_u, green)
    look_up(v, tables.green_v, more)
    np.add(green, more, out=green)
    np.right_shift(green, tables.green_bits, out=green)
    parts[1] = green
    look_up(u, tables.blue_u, parts[2])
    return parts


def _add_luma(luma: NDArray[Any], chroma: NDArray[Any], tables: Tables, out: Rgb, scratch: Scratch) -> None:
    """RGB of rows, with what chroma adds to them (3, and bordered), which is lost."""
    (rows, width), pitch = luma.shape, chroma.shape[2]
    inside = slice((pitch - width) // 2, (pitch + width) // 2)
    base = scratch.array("luma", (rows, pitch), tables.luma.dtype)
    levels = scratch.array("levels", (3, rows, pitch), np.uint8)
    look_up(luma, tables.luma, base[:, inside])
    for part, level in zip(chroma[:, :rows], levels, strict=True):
        cv2.add(base, part, part)  # cut to what the type holds
        tables.levels(part, level)
    cv2.merge([level[:, inside] for level in levels], out)


def _rounded(factors: Sequence[Fraction], colours: list[Plane], bits: int) -> Plane:
    fixed = [round(factor * (1 << FACTOR_BITS)) for factor in factors]
    total = fixed[0] * colours[0] + fixed[1] * colours[1] + fixed[2] * colours[2]
    rounded: Plane = (total + (1 << (bits - 1))) >> bits
    return rounded


def _bytes(plane: Plane) -> NDArray[np.uint8]:
    return np.clip(plane, 0, 255).astype(np.uint8)
