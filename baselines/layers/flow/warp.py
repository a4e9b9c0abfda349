"""Backward warping with an optical flow."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def flow_warp(
    x: Tensor,
    flow: Tensor,
    padding_mode: str = "zeros",
    align_corners: bool = True,
    mode: str = "bilinear",
) -> Tensor:
    """Sample `x` (b, c, h, w) at every pixel plus its `flow` (b, 2, h, w; pixels, x then y).

    The position is normalised by size - 1 whatever `align_corners` says, as the published networks
    do it: with align_corners=False (PWC-Net) the sampling is therefore a little off centre.
    """
    height, width = x.shape[-2:]
    ys = torch.arange(height, device=x.device, dtype=flow.dtype)
    xs = torch.arange(width, device=x.device, dtype=flow.dtype)
    grid_x = 2.0 * (xs + flow[:, 0]) / max(width - 1, 1) - 1.0
    grid_y = 2.0 * (ys[:, None] + flow[:, 1]) / max(height - 1, 1) - 1.0
    grid = torch.stack((grid_x, grid_y), dim=-1)
    # positions need the flow's precision: in bfloat16 they would be off by pixels
    warped = F.grid_sample(x.to(grid.dtype), grid, mode, padding_mode, align_corners)
    return warped.to(x.dtype)
