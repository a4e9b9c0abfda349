"""Frames between frames, by optical flow: a plain stand-in for the interpolation network that FLAIR's
space-time experiment used (AMT-G, whose weights are CC BY-NC; not part of this package).
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from baselines.layers.flow.warp import flow_warp
from degradations.errors import InputError
from vfsrbench.io.rounding import to_uint8

Interpolator = Callable[[Tensor, Tensor, Sequence[float]], Tensor]
"""Two frames (3, h, w) RGB in [0, 1] and times between 0 and 1 -> (times, 3, h, w)."""


def dis_interpolator(first: Tensor, last: Tensor, times: Sequence[float]) -> Tensor:
    """Both frames warped to the time between them and mixed by nearness.

    Flows in both directions are DIS (OpenCV); those from a time t to either end are combined from them as
    in Super SloMo (Jiang et al., CVPR 2018, eq. 4), which needs no network.
    """
    from vfsrbench.runtime.dis_flow import dis_flow

    a, b = to_uint8(torch.stack([first, last]))
    ahead, back = (torch.from_numpy(dis_flow(*pair)).to(first) for pair in ((a, b), (b, a)))
    made = []
    for t in times:
        to_first = -(1 - t) * t * ahead + t * t * back
        to_last = (1 - t) * (1 - t) * ahead - t * (1 - t) * back
        ends = (first, to_first), (last, to_last)
        warped = [flow_warp(end[None], flow[None], padding_mode="border")[0] for end, flow in ends]
        made.append((1 - t) * warped[0] + t * warped[1])
    return torch.stack(made)


def find_interpolator(name: str) -> Interpolator:
    """`dis`, or any other by its place in the code: `package.module:function`. InputError when it is not
    there."""
    if name == "dis":
        return dis_interpolator
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"interpolator {name!r} cannot be used: {error}; write dis or package.module:function"
        ) from error
    if not callable(found):
        raise InputError(f"interpolator {name!r} is a {type(found).__name__}, not a function")
    return found


def filled_in(frames: Tensor, factor: int, interpolate: Interpolator) -> Tensor:
    """(n, 3, h, w) -> ((n - 1) factor + 1, 3, h, w): `factor` - 1 new frames between neighbours."""
    times = [k / factor for k in range(1, factor)]
    parts = [frames[:1]]
    for first, last in itertools.pairwise(frames):
        parts += [interpolate(first, last, times).clamp(0, 1), last[None]] if times else [last[None]]
    return torch.cat(parts)
