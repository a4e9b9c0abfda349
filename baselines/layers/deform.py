"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

TAPS = 9


def deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """3x3 deformable convolution that keeps the size; x (n, c, h, w), offset (n, 18 g, h, w) in pixels,
    y then x for each of the 9 taps of g groups, mask (n, 9 g, h, w) in (0, 1)."""
    # torchvision's operator does not take bfloat16, and positions need the precision of float32 anyway
    precise = torch.promote_types(x.dtype, torch.float32)
    with torch.autocast(x.device.type, enabled=False):
        wide = [t.to(precise) for t in (x, offset, weight, bias, mask)]
        return deform_conv2d(*wide[:4], padding=1, mask=wide[4]).to(x.dtype)


class DeformPack(nn.Module):
    """Deformable convolution whose offsets and masks come from a separate feature map."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.conv_offset = nn.Conv2d(channels, 3 * groups * TAPS, 3, padding=1)
        bound = 1 / math.sqrt(TAPS * channels)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor, offset_features: Tensor) -> Tensor:
        """Both (n, channels, h, w) -> the same shape."""
        taps = self.groups * TAPS
        offset, mask = self.conv_offset(offset_features).split([2 * taps, taps], dim=1)
        return deform_conv(x, offset, torch.sigmoid(mask), self.weight, self.bias)
