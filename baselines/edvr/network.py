"""EDVR: a sliding window of five frames, aligned by deformable convolutions and fused by attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.edvr.pcd import ConvModule, PCDAlignment
from baselines.edvr.tsa import TSAFusion
from baselines.layers.residual import ResidualBlockNoBN, UpsampleTail, bilinear_x4, lrelu


class EDVR(UpsampleTail):
    """(n, num_frames, 3, h, w) RGB in [0, 1] -> the centre frame, (n, 3, 4h, 4w), unclamped.

    Sides must be multiples of 4. Defaults are EDVR-M; EDVR-L has mid_channels=128 and
    num_blocks_reconstruction=40. Source: EDVR, CVPRW 2019.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_frames: int = 5,
        deform_groups: int = 8,
        num_blocks_extraction: int = 5,
        num_blocks_reconstruction: int = 10,
        with_tsa: bool = True,
    ) -> None:
        super().__init__(mid_channels)
        c = mid_channels
        self.centre = num_frames // 2
        self.num_frames = num_frames
        self.conv_first = nn.Conv2d(3, c, 3, padding=1)
        self.feature_extraction = nn.Sequential(*(ResidualBlockNoBN(c) for _ in range(num_blocks_extraction)))
        self.feat_l2_conv1 = ConvModule(c, c, stride=2)
        self.feat_l2_conv2 = ConvModule(c, c)
        self.feat_l3_conv1 = ConvModule(c, c, stride=2)
        self.feat_l3_conv2 = ConvModule(c, c)
        self.pcd_alignment = PCDAlignment(c, deform_groups)
        self.fusion: nn.Module
        if with_tsa:
            self.fusion = TSAFusion(c, num_frames, self.centre)
        else:
            self.fusion = nn.Conv2d(num_frames * c, c, 1)
        self.reconstruction = nn.Sequential(*(ResidualBlockNoBN(c) for _ in range(num_blocks_reconstruction)))

    def pyramid(self, frames: Tensor) -> list[Tensor]:
        """(m, 3, h, w) -> features at full, half and quarter size. Frames do not see each other here."""
        l1 = self.feature_extraction(lrelu(self.conv_first(frames)))
        l2 = self.feat_l2_conv2(self.feat_l2_conv1(l1))
        return [l1, l2, self.feat_l3_conv2(self.feat_l3_conv1(l2))]

    def fuse(self, pyramids: list[list[Tensor]], centre: Tensor) -> Tensor:
        """The pyramids of the window's frames and its centre frame (n, 3, h, w) -> (n, 3, 4h, 4w)."""
        aligned = torch.stack([self.pcd_alignment(p, pyramids[self.centre]) for p in pyramids], dim=1)
        if not isinstance(self.fusion, TSAFusion):
            aligned = aligned.flatten(1, 2)
        return self.enlarge(self.reconstruction(self.fusion(aligned)), bilinear_x4(centre))

    def forward(self, x: Tensor) -> Tensor:
        n, t, c, h, w = x.shape
        if h % 4 or w % 4:
            raise ValueError(f"sides must be multiples of 4, got {h}x{w}")
        if t != self.num_frames:
            raise ValueError(f"{self.num_frames} frames are needed, got {t}")
        levels = [level.view(n, t, *level.shape[1:]) for level in self.pyramid(x.reshape(-1, c, h, w))]
        return self.fuse([[level[:, i] for level in levels] for i in range(t)], x[:, self.centre])
