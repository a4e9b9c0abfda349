"""ConvNeXt-T (Liu et al., CVPR 2022) over space and time, DOVER's aesthetic branch. Names and shapes are
those of DOVER's file."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
TIMES = (1, 3, 1)
"""Frames that the filters of a stage's blocks see, block after block, again and again."""
_EPS = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of (N, C, T, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)


class Block(nn.Module):
    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.dwconv = nn.Conv3d(width, width, (time, 7, 7), padding=(time // 2, 3, 3), groups=width)
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm(self.dwconv(x).permute(0, 2, 3, 4, 1))
        inner = self.gamma * self.pwconv2(F.gelu(self.pwconv1(inner)))
        return x + inner.permute(0, 4, 1, 2, 3)


class VideoConvNeXt(nn.Module):
    """Normalized frames (N, 3, T, H, W) -> maps (N, 768, T/2, H/32, W/32)."""

    def __init__(self) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv3d(3, WIDTHS[0], (2, 4, 4), (2, 4, 4)), ChannelNorm(WIDTHS[0], _EPS))
        self.downsample_layers = nn.ModuleList([first])
        for inputs, width in pairwise(WIDTHS):
            halved = nn.Conv3d(inputs, width, (1, 2, 2), (1, 2, 2))
            self.downsample_layers.append(nn.Sequential(ChannelNorm(inputs, _EPS), halved))
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, TIMES[n % len(TIMES)]) for n in range(depth)))
            for width, depth in zip(WIDTHS, DEPTHS, strict=True)
        )
        self.norm = ChannelNorm(WIDTHS[-1], _EPS)

    def forward(self, x: Tensor) -> Tensor:
        for halved, stage in zip(self.downsample_layers, self.stages, strict=True):
            x = stage(halved(x))
        return self.norm(x)
