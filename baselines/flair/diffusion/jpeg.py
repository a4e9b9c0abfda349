"""FLAIR's model of JPEG on tensors: the arithmetic of `degradations.imaging.jpeg.flair_jpeg`, without its
rounding to the splits' grid, on whatever device the frames are.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from degradations.imaging.jpeg import TO_RGB, TO_YCC, dct, quantization_tables

BLOCK = 8
MULTIPLE = 2 * BLOCK
"""Chroma has half the size, so sides are filled up to multiples of this."""


def jpeg_round_trip(x: Tensor, quality: int) -> Tensor:
    """D(E(x)): (n, 3, h, w) RGB in [-1, 1], not cut to it, -> the same shape. Applied again it changes
    nothing more. Sums run in float64: they decide which way a coefficient rounds."""
    height, width = x.shape[-2:]
    filled = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    return decode(*encode(filled, quality), quality)[..., :height, :width].to(x.dtype)


def encode(x: Tensor, quality: int) -> tuple[Tensor, Tensor]:
    """E(x): the whole-number coefficients of luma (n, 1, h, w) and chroma (n, 2, h / 2, w / 2), each block
    of 8 x 8 in its place. Chroma is every second pixel, not an average."""
    luma, chroma = _mixed(TO_YCC, (x.double() + 1) / 2 * 255).split((1, 2), dim=1)
    planes = (luma - 128, chroma[..., ::2, ::2])
    tables = _tables(quality, x)
    wave = _numbers(dct(), x)
    coded = [(_blockwise(p, wave) / _tiled(t, p)).round() for p, t in zip(planes, tables, strict=True)]
    return coded[0], coded[1]


def decode(luma: Tensor, chroma: Tensor, quality: int) -> Tensor:
    """D of `encode`'s coefficients: (n, 3, h, w) float64, not cut to [-1, 1]."""
    wave = _numbers(dct(), luma).T
    tables = _tables(quality, luma)
    planes = [_blockwise(p * _tiled(t, p), wave) for p, t in zip((luma, chroma), tables, strict=True)]
    colours = planes[1].repeat_interleave(2, -2).repeat_interleave(2, -1)
    return _mixed(TO_RGB, torch.cat([planes[0] + 128, colours], dim=1)) / 255 * 2 - 1


def _mixed(rows: tuple[tuple[float, float, float], ...], x: Tensor) -> Tensor:
    return torch.einsum("rc,nchw->nrhw", x.new_tensor(rows), x)


def _blockwise(planes: Tensor, matrix: Tensor) -> Tensor:
    """matrix B matrix' for every 8 x 8 block B."""
    height, width = planes.shape[-2:]
    blocks = planes.unflatten(-1, (width // BLOCK, BLOCK)).unflatten(-3, (height // BLOCK, BLOCK))
    return torch.einsum("ki,ncaibj,lj->ncakbl", matrix, blocks, matrix).reshape(planes.shape)


def _tables(quality: int, like: Tensor) -> tuple[Tensor, Tensor]:
    luma, chroma, _ = quantization_tables(quality)
    return _numbers(luma, like), _numbers(chroma, like)


def _tiled(table: Tensor, planes: Tensor) -> Tensor:
    return table.repeat(planes.shape[-2] // BLOCK, planes.shape[-1] // BLOCK)


def _numbers(array: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(array).to(like.device)
