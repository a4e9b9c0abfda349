"""What the tests of FLAIR share: the released kernel, and small networks in place of the real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.flair.unet.network import FlairUNet
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.faces.networks.retinaface_decode import anchors

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


class FaceInTheMiddle(nn.Module):
    """Stands in for a trained detector: one face, as FFHQ's template has it, in every frame whose middle is
    bright enough; `seen` are the pictures it was given."""

    def __init__(self, least: float = -1e6) -> None:
        super().__init__()
        self.least = least
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.seen.append(x)
        height, width = x.shape[2:]
        priors = anchors(height, width)
        boxes = torch.zeros(1, len(priors), 4)
        scores, points = torch.zeros(1, len(priors), 2), torch.zeros(1, len(priors), 10)
        middle = (priors[:, :2] - 0.5).abs().sum(1).argmin()
        scores[0, middle, 1] = float(x[0, :, height // 2, width // 2].mean() > self.least)
        # decode() puts a point at centre + 0.1 offset size
        wanted = torch.from_numpy(FFHQ_512 / 512).float()
        points[0, middle] = ((wanted - priors[middle, :2]) / (0.1 * priors[middle, 2:])).flatten()
        return boxes, scores, points


class LeftIsBackground(nn.Module):
    """Stands in for a trained parser: skin, but for the left half; with `skin` all of it."""

    def __init__(self, skin: bool = False) -> None:
        super().__init__()
        self.skin = skin

    def forward(self, faces: Tensor) -> Tensor:
        logits = torch.zeros(len(faces), 19, *faces.shape[-2:])
        logits[:, 1] = 1
        if not self.skin:
            logits[:, 0, :, : faces.shape[-1] // 2] = 2
        return logits
