"""JPEG round trips: through libjpeg-turbo (OpenCV), and through FLAIR's own model of the format."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.numerics.exact_arithmetic import DIGITS, PI, cos_sin, localcontext
from degradations.numerics.grid import STEPS, Picture, settle, whole

Floats = NDArray[np.float64]

# the example tables of the JPEG standard (ITU-T T.81, Annex K)
_LUMA_TABLE = """
16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
_CHROMA_TABLE = (
    """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
"""
    + " 99" * 32
)

TO_YCC = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
TO_RGB = (
    (1.0, -3.68199903e-5, 1.40198758),
    (1.0, -0.344113281, -0.714103821),
    (1.0, 1.77197812, -1.34583413e-4),
)


def jpeg(picture: Picture, quality: int) -> NDArray[np.uint8]:
    """The picture, rounded to 8 bits, through a JPEG file of `quality` 1..100 with 4:2:0 chroma."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    bgr = cv2.cvtColor(whole(picture), cv2.COLOR_RGB2BGR)
    done, coded = cv2.imencode(".jpg", bgr, options)
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    decoded: Any = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    back: Any = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    return back


def flair_jpeg(picture: Picture, quality: int) -> NDArray[np.int16]:
    """FLAIR's JPEG (its `jpeg.py`, after DDRM-JPEG): float pixels, chroma taken from every second pixel.

    Unlike a file, pixels are neither rounded nor cut to 0..255. Sides are filled up to multiples of 16 by
    repeating the last pixel. Every operation is elementwise and in a fixed order, hence exactly repeatable.
    """
    height, width = picture.shape[:2]
    planes = _coefficients(picture, quality)
    levels = _decode(planes, quality)[:height, :width]
    return settle(levels * STEPS)


def _coefficients(picture: Picture, quality: int) -> list[Floats]:
    """The quantized DCT coefficients of Y, Cb and Cr, each laid out as its picture."""
    height, width = picture.shape[:2]
    levels = picture / (1 if picture.dtype == np.uint8 else STEPS)
    levels = np.pad(levels, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="edge")
    luma, *chroma = (_mixed(row, levels) for row in TO_YCC)
    planes = [luma - 128, *(plane[::2, ::2] for plane in chroma)]
    return [
        _blockwise(plane, dct()) / _spread(table, plane)
        for plane, table in zip(planes, quantization_tables(quality), strict=True)
    ]


def _decode(coefficients: list[Floats], quality: int) -> Floats:
    """RGB grey levels (H, W, 3) of the coefficients, once they are rounded (ties to even)."""
    luma, *chroma = (
        _blockwise(np.rint(plane) * _spread(table, plane), dct().T)
        for plane, table in zip(coefficients, quantization_tables(quality), strict=True)
    )
    ycc = np.stack([luma + 128, *(plane.repeat(2, 0).repeat(2, 1) for plane in chroma)], axis=-1)
    return np.stack([_mixed(row, ycc) for row in TO_RGB], axis=-1)


def _mixed(factors: tuple[float, float, float], channels: Floats) -> Floats:
    first, second, third = (channels[..., c] * factor for c, factor in enumerate(factors))
    return (first + second) + third


def _blockwise(plane: Floats, matrix: Floats) -> Floats:
    """matrix B matrix' for every 8 x 8 block B."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8)
    down = _ordered_sum(matrix, blocks.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    across = _ordered_sum(matrix, down.transpose(3, 0, 1, 2)).transpose(1, 2, 3, 0)
    return across.reshape(height, width)


def _ordered_sum(matrix: Floats, values: Floats) -> Floats:
    """sum_n matrix[k, n] values[n], term after term: a matrix product may change the order."""
    columns = matrix.reshape(8, 8, *([1] * (values.ndim - 1)))
    total = columns[:, 0] * values[0]
    for n in range(1, 8):
        total = total + columns[:, n] * values[n]
    return total


def _spread(table: Floats, plane: Floats) -> Floats:
    return np.tile(table, (plane.shape[0] // 8, plane.shape[1] // 8))


@lru_cache(maxsize=1)
def dct() -> Floats:
    """The orthonormal 8-point DCT-II: row k is the wave of frequency k."""
    with localcontext(DIGITS):
        waves = [[cos_sin(PI * k * (2 * n + 1) / 16)[0] for n in range(8)] for k in range(8)]
        norms = [(Decimal(1 if k == 0 else 2) / 8).sqrt() for k in range(8)]
        rows = [[float(wave * norm) for wave in row] for row, norm in zip(waves, norms, strict=True)]
    return np.array(rows)


@lru_cache(maxsize=128)
def quantization_tables(quality: int) -> tuple[Floats, Floats, Floats]:
    """Quantization tables (8, 8) for Y, Cb, Cr, scaled as libjpeg does. `quality` 1..100."""
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        np.clip(np.floor((np.array(text.split(), np.float64) * percent + 50) / 100), 1, 255).reshape(8, 8)
        for text in (_LUMA_TABLE, _CHROMA_TABLE)
    )
    return luma, chroma, chroma
