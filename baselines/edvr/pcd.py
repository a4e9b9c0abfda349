"""EDVR's alignment: a pyramid of deformable convolutions and a cascade (section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.deform import DeformPack
from baselines.layers.residual import lrelu

LEVELS = ("l3", "l2", "l1")


class ConvModule(nn.Module):
    """A convolution in a module of its own, as the checkpoints name it; leaky ReLU by default."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int = 3, stride: int = 1, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return lrelu(x) if self.act else x


def enlarge_x2(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class PCDAlignment(nn.Module):
    """Align a neighbour's features to the reference's: two lists of (n, C, h, w), levels l1, l2, l3."""

    def __init__(self, channels: int = 64, groups: int = 8) -> None:
        super().__init__()
        c = channels
        self.offset_conv1 = nn.ModuleDict({level: ConvModule(2 * c, c) for level in LEVELS})
        self.offset_conv2 = nn.ModuleDict(
            {level: ConvModule(c if level == "l3" else 2 * c, c) for level in LEVELS}
        )
        self.offset_conv3 = nn.ModuleDict({level: ConvModule(c, c) for level in LEVELS[1:]})
        self.dcn_pack = nn.ModuleDict({level: DeformPack(c, groups) for level in LEVELS})
        self.feat_conv = nn.ModuleDict(
            {level: ConvModule(2 * c, c, act=level == "l2") for level in LEVELS[1:]}
        )
        self.cas_offset_conv1 = ConvModule(2 * c, c)
        self.cas_offset_conv2 = ConvModule(c, c)
        self.cas_dcnpack = DeformPack(c, groups)

    def forward(self, neighbour: list[Tensor], reference: list[Tensor]) -> Tensor:
        offset = feature = None
        for level, near, ref in zip(LEVELS, reversed(neighbour), reversed(reference), strict=True):
            here = self.offset_conv1[level](torch.cat([near, ref], dim=1))
            if offset is None or feature is None:  # the coarsest level
                offset = self.offset_conv2[level](here)
                feature = lrelu(self.dcn_pack[level](near, offset))
                continue
            coarser = 2 * enlarge_x2(offset)  # offsets are in pixels of their own level
            offset = self.offset_conv3[level](self.offset_conv2[level](torch.cat([here, coarser], dim=1)))
            aligned = self.dcn_pack[level](near, offset)
            feature = self.feat_conv[level](torch.cat([aligned, enlarge_x2(feature)], dim=1))
        assert feature is not None
        offset = self.cas_offset_conv2(self.cas_offset_conv1(torch.cat([feature, reference[0]], dim=1)))
        return lrelu(self.cas_dcnpack(feature, offset))
