"""Enlarging by interpolation: the resizers of the recipes, as methods use them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from degradations.imaging.resize import real_taps, taps
from vfsrbench.runtime.device import OnDevice

_ROWS = 64  # of output, made at a time


@dataclass(frozen=True)
class _Band:
    """Output pixels along an axis, the input pixels that they are made of, and their weights."""

    made: slice
    source: slice
    weights: OnDevice


def resample(frames: Tensor, height: int, width: int, method: str) -> Tensor:
    """(n, c, h, w) resized to (n, c, height, width), not clamped.

    `method` is one of `degradations.imaging.resize.METHODS` (cubic, lanczos: OpenCV's; matlab: imresize).
    Sums run in float64, a frame at a time, so that a frame's result does not depend on its batch, and CPU
    and GPU agree in every level of the 8-bit picture.
    """
    down = _bands(frames.shape[-2], height, method)
    across = _bands(frames.shape[-1], width, method)
    made = frames.new_empty((*frames.shape[:-2], height, width))
    wide = frames.new_empty((*frames.shape[1:-1], width), dtype=torch.float64)
    for number, frame in enumerate(frames):
        exact = frame.double()
        for band in across:
            wide[..., band.made] = exact[..., band.source] @ band.weights.on(frames.device).T
        for band in down:
            made[number, ..., band.made, :] = band.weights.on(frames.device) @ wide[..., band.source, :]
    return made


@lru_cache(maxsize=16)
def _bands(source: int, target: int, method: str) -> list[_Band]:
    """The axis cut into bands: most of the whole matrix is zeros."""
    matrix = weight_matrix(source, target, method)
    bands = []
    for top in range(0, target, _ROWS):
        rows = matrix[top : top + _ROWS]
        used = rows.any(0).nonzero()
        near = slice(int(used[0]), int(used[-1]) + 1)
        bands.append(_Band(slice(top, top + len(rows)), near, OnDevice(rows[:, near].contiguous())))
    return bands


def weight_matrix(source: int, target: int, method: str, real: bool = False) -> Tensor:
    """(target, source) float64 on the CPU: a row is the weights of one output pixel along an axis.

    They are the recipes' whole multiples of 2^-16, or with `real` the formula's own values.
    """
    if real:
        index, weight = real_taps(source, target, method)
        weight = weight / weight.sum(axis=1, keepdims=True)
    else:
        plan = taps(source, target, method)
        index, weight = plan.index, plan.weight / (1 << plan.bits)
    matrix = torch.zeros(target, source, dtype=torch.float64)
    return matrix.scatter_add_(1, torch.from_numpy(index), torch.from_numpy(weight))
