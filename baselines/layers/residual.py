"""Residual blocks, pixel-shuffle enlargement and the tail that EDVR, BasicVSR and BasicVSR++ share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1
"""Negative slope of every leaky ReLU in these networks."""


def lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


class ResidualBlockNoBN(nn.Module):
    """conv - ReLU - conv with an identity shortcut."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x).relu_())


class ResidualBlocksWithInputConv(nn.Module):
    """A convolution to `channels`, leaky ReLU, then `blocks` residual blocks."""

    def __init__(self, channels_in: int, channels: int = 64, blocks: int = 30) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Sequential(*(ResidualBlockNoBN(channels) for _ in range(blocks))),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class PixelShufflePack(nn.Module):
    """A convolution to four times the channels, rearranged to twice the size."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.upsample_conv = nn.Conv2d(channels_in, 4 * channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.upsample_conv(x), 2)


class UpsampleTail(nn.Module):
    """Base of networks that end in: enlarge x4, one more convolution, RGB, plus an enlarged input.

    The layers are the network's own children (`upsample1`, `conv_last`, ...), as the checkpoints name them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.upsample1 = PixelShufflePack(channels, channels)
        self.upsample2 = PixelShufflePack(channels, 64)
        self.conv_hr = nn.Conv2d(64, 64, 3, padding=1)
        self.conv_last = nn.Conv2d(64, 3, 3, padding=1)

    def enlarge(self, features: Tensor, base: Tensor) -> Tensor:
        """(n, C, h, w) features and their (n, 3, 4h, 4w) base picture -> (n, 3, 4h, 4w)."""
        x = lrelu(self.upsample1(features))
        x = lrelu(self.upsample2(x))
        return self.conv_last(lrelu(self.conv_hr(x))) + base


def bilinear_x4(frames: Tensor) -> Tensor:
    """(n, 3, h, w) -> (n, 3, 4h, 4w), half-pixel centres."""
    return F.interpolate(frames, scale_factor=4, mode="bilinear", align_corners=False)


def in_chunks(function: nn.Module, *batches: Tensor, size: int = 8) -> Tensor:
    """`function` over the first axis a few items at a time: long clips without the peak of one batch."""
    if len(batches[0]) <= size:
        return function(*batches)
    parts = zip(*(b.split(size) for b in batches), strict=True)
    return torch.cat([function(*part) for part in parts])
