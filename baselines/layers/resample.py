"""Enlarging by interpolation: the resizers of the recipes, as methods use them."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from degradations.imaging.resize import real_taps, taps
from vfsrbench.runtime.device import OnDevice


def resample(frames: Tensor, height: int, width: int, method: str) -> Tensor:
    """(n, c, h, w) resized to (n, c, height, width), not clamped.

    `method` is one of `degradations.imaging.resize.METHODS` (cubic, lanczos: OpenCV's; matlab: imresize).
    Sums run in float64, a frame at a time, so that a frame's result does not depend on its batch, and CPU
    and GPU agree in every level of the 8-bit picture.
    """
    down = _matrix(frames.shape[-2], height, method).on(frames.device)
    across = _matrix(frames.shape[-1], width, method).on(frames.device)
    made = frames.new_empty((*frames.shape[:-2], height, width))
    for number, frame in enumerate(frames):
        made[number] = down @ (frame.double() @ across.T)
    return made


@lru_cache(maxsize=16)
def _matrix(source: int, target: int, method: str) -> OnDevice:
    return OnDevice(weight_matrix(source, target, method))


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
