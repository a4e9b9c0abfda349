"""FLAIR's model of JPEG on tensors: the arithmetic of `degradations.imaging.jpeg.flair_jpeg`, without its
rounding to the splits' grid, on whatever device the frames are.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from degradations.imaging.jpeg import TO_RGB, TO_YCC, dct, quantization_tables
from vfsrbench.runtime.device import OnDevice

Rows = tuple[tuple[float, float, float], ...]

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
    wave = _wave().on(x.device)
    coded = [(_blockwise(p, wave) / _tiled(t, p)).round() for p, t in zip(planes, tables, strict=True)]
    return coded[0], coded[1]


def decode(luma: Tensor, chroma: Tensor, quality: int) -> Tensor:
    """D of `encode`'s coefficients: (n, 3, h, w) float64, not cut to [-1, 1]."""
    wave = _wave().on(luma.device).T
    tables = _tables(quality, luma)
    planes = [_blockwise(p * _tiled(t, p), wave) for p, t in zip((luma, chroma), tables, strict=True)]
    colours = planes[1].repeat_interleave(2, -2).repeat_interleave(2, -1)
    return _mixed(TO_RGB, torch.cat([planes[0] + 128, colours], dim=1)) / 255 * 2 - 1


def _mixed(rows: Rows, x: Tensor) -> Tensor:
    return torch.einsum("rc,nchw->nrhw", _mixing(rows).like(x), x)


def _blockwise(planes: Tensor, matrix: Tensor) -> Tensor:
    """matrix B matrix' for every 8 x 8 block B."""
    height, width = planes.shape[-2:]
    blocks = planes.unflatten(-1, (width // BLOCK, BLOCK)).unflatten(-3, (height // BLOCK, BLOCK))
    return torch.einsum("ki,ncaibj,lj->ncakbl", matrix, blocks, matrix).reshape(planes.shape)


def _tables(quality: int, like: Tensor) -> tuple[Tensor, Tensor]:
    luma, chroma = _quantization(quality)
    return luma.on(like.device), chroma.on(like.device)


def _tiled(table: Tensor, planes: Tensor) -> Tensor:
    return table.repeat(planes.shape[-2] // BLOCK, planes.shape[-1] // BLOCK)


@lru_cache(maxsize=8)
def _quantization(quality: int) -> tuple[OnDevice, OnDevice]:
    luma, chroma, _ = quantization_tables(quality)
    return OnDevice(torch.from_numpy(luma)), OnDevice(torch.from_numpy(chroma))


@lru_cache(maxsize=1)
def _wave() -> OnDevice:
    return OnDevice(torch.from_numpy(dct()))


@lru_cache(maxsize=2)
def _mixing(rows: Rows) -> OnDevice:
    return OnDevice(torch.tensor(rows, dtype=torch.float64))
