"""What the tests of FLAIR share: the released kernel, and small networks in place of the real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from baselines.flair.network import FlairUNet

SMALL = {
    "bicubic": {"inner": 32, "multipliers": (1, 1), "attention_levels": (1,), "recurrent_levels": (1,),
                "min_side": 16},
    "blur": {"model": 32, "multipliers": (1, 1), "blocks": 1, "attention_levels": (1,),
             "recurrent_levels": (1,)},
}  # fmt: skip
"""Constructor arguments that make each network a hundredth of its size, for frames from 32x32 on."""


def official_kernel() -> NDArray[np.float64]:
    """The released Gaussian (sigma 2) as its code crops it: taps -4 to 3, in real numbers."""
    taps = np.exp(-(np.arange(-4, 4) ** 2) / 8)
    taps /= taps.sum()
    return np.outer(taps, taps)


def small_network(config: str, seed: int = 0) -> nn.Module:
    """The network in small, with seeded weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FlairUNet(config, **SMALL[config]).eval().requires_grad_(False)
