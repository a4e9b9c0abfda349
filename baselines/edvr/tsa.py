"""EDVR's fusion: temporal and spatial attention (section 3.3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.edvr.pcd import ConvModule, enlarge_x2


class TSAFusion(nn.Module):
    """(n, t, C, h, w) aligned features -> (n, C, h, w); sides must be multiples of 4."""

    def __init__(self, channels: int = 64, frames: int = 5, centre: int = 2) -> None:
        super().__init__()
        c = channels
        self.centre = centre
        self.temporal_attn1 = nn.Conv2d(c, c, 3, padding=1)
        self.temporal_attn2 = nn.Conv2d(c, c, 3, padding=1)
        self.feat_fusion = ConvModule(frames * c, c, 1)
        self.spatial_attn1 = ConvModule(frames * c, c, 1)
        self.spatial_attn2 = ConvModule(2 * c, c, 1)
        self.spatial_attn3 = ConvModule(c, c)
        self.spatial_attn4 = ConvModule(c, c, 1)
        self.spatial_attn5 = nn.Conv2d(c, c, 3, padding=1)
        self.spatial_attn_l1 = ConvModule(c, c, 1)
        self.spatial_attn_l2 = ConvModule(2 * c, c)
        self.spatial_attn_l3 = ConvModule(c, c)
        self.spatial_attn_add1 = ConvModule(c, c, 1)
        self.spatial_attn_add2 = nn.Conv2d(c, c, 1)

    def forward(self, aligned: Tensor) -> Tensor:
        n, t, c, h, w = aligned.shape
        reference = self.temporal_attn1(aligned[:, self.centre])
        embedded = self.temporal_attn2(aligned.reshape(-1, c, h, w)).view(n, t, c, h, w)
        likeness = torch.sigmoid((embedded * reference[:, None]).sum(dim=2, keepdim=True))
        weighted = (aligned * likeness).reshape(n, t * c, h, w)
        feature = self.feat_fusion(weighted)
        attention = self._spatial(weighted)
        added = self.spatial_attn_add2(self.spatial_attn_add1(attention))
        return feature * torch.sigmoid(attention) * 2 + added

    def _spatial(self, weighted: Tensor) -> Tensor:
        half = self.spatial_attn2(_pooled(self.spatial_attn1(weighted)))
        quarter = self.spatial_attn_l2(_pooled(self.spatial_attn_l1(half)))
        half = self.spatial_attn3(half) + enlarge_x2(self.spatial_attn_l3(quarter))
        return self.spatial_attn5(enlarge_x2(self.spatial_attn4(half)))


def _pooled(x: Tensor) -> Tensor:
    """Maximum and mean over 3x3 at half the size; the mean counts the padding."""
    return torch.cat([F.max_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1)], dim=1)
