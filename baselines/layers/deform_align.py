"""Second-order deformable alignment: flows guide the offsets of a modulated deformable convolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from baselines.layers.deform import TAPS, deform_conv
from baselines.layers.flow.warp import flow_warp
from baselines.layers.residual import SLOPE

GROUPS = 16


class SecondOrderAlignment(nn.Module):
    """Bring the features of one and two steps ago to the current frame (BasicVSR++, section 3.2).

    Offset groups 0-7 read the features of one step ago, groups 8-15 those of two steps ago, both unwarped:
    the flows are added to the offsets instead.
    """

    def __init__(self, channels: int, max_residue_magnitude: float = 10.0) -> None:
        super().__init__()
        self.max_residue = max_residue_magnitude
        self.weight = nn.Parameter(torch.empty(channels, 2 * channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.conv_offset = nn.Sequential(
            nn.Conv2d(3 * channels + 4, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, 3 * GROUPS * TAPS, 3, padding=1),
        )
        bound = 1 / math.sqrt(2 * channels * TAPS)
        nn.init.uniform_(self.weight, -bound, bound)
        last = self.conv_offset[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)  # training starts from the plain flows
        nn.init.zeros_(last.bias if last.bias is not None else last.weight)

    def offsets(self, condition: Tensor, flow_1: Tensor, flow_2: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (n, 288, h, w), y then x for each tap, and modulation masks (n, 144, h, w) in (0, 1)."""
        seen = [condition, flow_1.to(condition.dtype), flow_2.to(condition.dtype)]
        out = self.conv_offset(torch.cat(seen, dim=1))
        residue, mask = out.split([2 * GROUPS * TAPS, GROUPS * TAPS], dim=1)
        half = GROUPS * TAPS // 2
        flows = [flow.flip(1).repeat(1, half, 1, 1) for flow in (flow_1, flow_2)]
        return self.max_residue * torch.tanh(residue) + torch.cat(flows, dim=1), torch.sigmoid(mask)

    def forward(self, features: Tensor, condition: Tensor, flow_1: Tensor, flow_2: Tensor) -> Tensor:
        """Older features (n, 2C, h, w), condition (n, 3C, h, w), flows (n, 2, h, w) -> (n, C, h, w)."""
        offset, mask = self.offsets(condition, flow_1, flow_2)
        return deform_conv(features, offset, mask, self.weight, self.bias)


def carry(align: nn.Module, current: Tensor, done: list[Tensor], flows: Tensor, step: int) -> Tensor:
    """The last two outputs of a walk over the clip, brought by `align` to the frame of `step`.

    `current` (n, C, h, w) are the frame's own features, `done` the walk's outputs so far, `flows`
    (n, t-1, 2, h, w) in the walk's order: `flows[:, step - 1]` leads to the step before. Zeros at step 0.
    """
    if step == 0:
        return torch.zeros_like(current)
    flow_1 = flows[:, step - 1]  # in its own precision: warping in bfloat16 would be off by pixels
    warped_1 = flow_warp(done[-1], flow_1)
    older, flow_2, warped_2 = (torch.zeros_like(z) for z in (warped_1, flow_1, warped_1))
    if step > 1:
        older = done[-2]
        flow_2 = flow_1 + flow_warp(flows[:, step - 2], flow_1)
        warped_2 = flow_warp(older, flow_2)
    condition = torch.cat([warped_1, current, warped_2], dim=1)
    return align(torch.cat([done[-1], older], dim=1), condition, flow_1, flow_2)
