"""SPyNet, the coarse-to-fine flow network inside BasicVSR and its descendants (Ranjan & Black, CVPR 2017)."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.flow.warp import flow_warp

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
LEVELS = 6


class ConvReLU(nn.Module):
    """A 7x7 convolution, with ReLU unless it is a level's last."""

    def __init__(self, channels_in: int, channels_out: int, relu: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 7, padding=3)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x.relu_() if self.relu else x


class Level(nn.Module):
    """The residual flow of one pyramid level, from both frames and the enlarged coarser flow (8 channels)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (8, 32, 64, 32, 16, 2)
        self.basic_module = nn.Sequential(
            *(ConvReLU(a, b, relu=i < 4) for i, (a, b) in enumerate(itertools.pairwise(widths)))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.basic_module(x)


class SPyNet(nn.Module):
    """Flow from `ref` to `supp`: (n, 3, h, w) RGB in [0, 1] each -> (n, 2, h, w) in pixels, x then y."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.basic_module = nn.ModuleList(Level() for _ in range(LEVELS))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, ref: Tensor, supp: Tensor) -> Tensor:
        height, width = ref.shape[-2:]
        if len(ref) == 0:
            return ref.new_zeros(0, 2, height, width)
        step = 2 ** (LEVELS - 1)
        padded = (-(-height // step) * step, -(-width // step) * step)
        flow = self._pyramid(self._prepare(ref, padded), self._prepare(supp, padded))
        flow = F.interpolate(flow, (height, width), mode="bilinear", align_corners=False)
        return torch.stack((flow[:, 0] * (width / padded[1]), flow[:, 1] * (height / padded[0])), dim=1)

    def _prepare(self, frames: Tensor, size: tuple[int, int]) -> list[Tensor]:
        """The normalised pyramid, coarsest level first."""
        resized = F.interpolate(frames, size, mode="bilinear", align_corners=False)
        levels = [(resized - self.mean) / self.std]
        while len(levels) < LEVELS:
            levels.append(F.avg_pool2d(levels[-1], 2, count_include_pad=False))
        return levels[::-1]

    def _pyramid(self, ref: list[Tensor], supp: list[Tensor]) -> Tensor:
        flow = torch.zeros_like(ref[0][:, :2])
        for level, (net, a, b) in enumerate(zip(self.basic_module, ref, supp, strict=True)):
            if level > 0:
                flow = 2.0 * F.interpolate(flow, scale_factor=2, mode="bilinear", align_corners=True)
            flow = flow + net(torch.cat([a, flow_warp(b, flow, padding_mode="border"), flow], dim=1))
        return flow
