"""Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", CVPR 2019)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

TAPS = 9
_BAND = 1 << 22
"""Numbers that are sampled at once on a CPU: a few rows of the picture, so that they stay in its caches."""


def deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """3x3 deformable convolution that keeps the size; x (n, c, h, w), offset (n, 18 g, h, w) in pixels,
    y then x for each of the 9 taps of g groups, mask (n, 9 g, h, w) in (0, 1)."""
    # torchvision's operator does not take bfloat16, and positions need the precision of float32 anyway
    precise = torch.promote_types(x.dtype, torch.float32)
    with torch.autocast(x.device.type, enabled=False):
        wide = [t.to(precise) for t in (x, offset, weight, bias, mask)]
        if x.device.type == "cpu":
            return _by_bands(*wide).to(x.dtype)
        return deform_conv2d(*wide[:4], padding=1, mask=wide[4]).to(x.dtype)


def _by_bands(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor, mask: Tensor) -> Tensor:
    """The same on a CPU, where torchvision samples with one thread and without vector instructions: a third
    of its time. The bands follow from the shapes alone, so that no bit depends on batch or threads."""
    n, c, height, width = x.shape
    groups = mask.shape[1] // TAPS
    offset = offset.reshape(n, groups, TAPS, 2, height, width)
    mask = mask.reshape(n, groups, 1, TAPS, height, width)
    matrix = weight.flatten(1)
    rows = max(1, _BAND // (c * TAPS * width))
    found = []
    for one, moves, shares in zip(x.reshape(n, groups, -1, height, width), offset, mask, strict=True):
        bands = []
        for first in range(0, height, rows):
            band = slice(first, first + rows)
            taps = _sampled(one, moves[..., band, :], first) * shares[..., band, :]
            bands.append(torch.addmm(bias[:, None], matrix, taps.reshape(c * TAPS, -1)))
        found.append(torch.cat(bands, dim=1))
    return torch.stack(found).view(n, -1, height, width)


def _sampled(groups: Tensor, moves: Tensor, first: int) -> Tensor:
    """What the taps of some rows see: groups (g, c, h, w), moves of their rows (g, 9, 2, rows, w), the first
    row's number -> (g, c, 9, rows, w), zero outside of the picture."""
    g, c, height, width = groups.shape
    rows = moves.shape[3]
    step = torch.arange(-1, 2, dtype=moves.dtype)
    down = step.repeat_interleave(3)[:, None, None] + torch.arange(first, first + rows)[:, None]
    across = step.repeat(3)[:, None, None] + torch.arange(width)
    # pixels to [-1, 1] as grid_sample counts them
    grid = torch.stack(
        [
            (moves[:, :, 1] + (across + 0.5)) * (2 / width) - 1,
            (moves[:, :, 0] + (down + 0.5)) * (2 / height) - 1,
        ],
        dim=-1,
    )
    taps = F.grid_sample(groups, grid.flatten(1, 2), "bilinear", "zeros", align_corners=False)
    return taps.view(g, c, TAPS, rows, width)


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
