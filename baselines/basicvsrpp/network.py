"""BasicVSR++: second-order grid propagation with flow-guided deformable alignment."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.deform_align import SecondOrderAlignment, carry
from baselines.layers.flow.neighbour_flow import neighbour_flows
from baselines.layers.flow.spynet import SPyNet
from baselines.layers.residual import (
    SLOPE,
    ResidualBlocksWithInputConv,
    UpsampleTail,
    bilinear_x4,
    in_chunks,
)

BRANCHES = ("backward_1", "forward_1", "backward_2", "forward_2")


class BasicVSRPlusPlus(UpsampleTail):
    """(n, t, 3, h, w) RGB in [0, 1] -> (n, t, 3, 4h, 4w), or (n, t, 3, h, w) with is_low_res_input=False.

    Sides must be at least 64 at the working resolution; a same-size network works at a quarter of its
    input, whose sides must be multiples of 4. Outputs are unclamped. Defaults are the released REDS and
    Vimeo-90K networks'; the NTIRE ones have mid_channels=128 and num_blocks=25, the denoising and
    deblurring ones num_blocks=15 and is_low_res_input=False. Source: BasicVSR++, CVPR 2022.
    """

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 7,
        max_residue_magnitude: float = 10.0,
        is_low_res_input: bool = True,
    ) -> None:
        super().__init__(mid_channels)
        c = mid_channels
        self.mid_channels = c
        self.is_low_res_input = is_low_res_input
        self.spynet = SPyNet()
        self.feat_extract = ResidualBlocksWithInputConv(3, c, 5) if is_low_res_input else _shrinking(c)
        self.deform_align = nn.ModuleDict(
            {branch: SecondOrderAlignment(c, max_residue_magnitude) for branch in BRANCHES}
        )
        self.backbone = nn.ModuleDict(
            {
                branch: ResidualBlocksWithInputConv((2 + i) * c, c, num_blocks)
                for i, branch in enumerate(BRANCHES)
            }
        )
        self.reconstruction = ResidualBlocksWithInputConv(5 * c, c, 5)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _, h, w = x.shape
        flat = x.reshape(n * t, 3, h, w)
        small = flat
        if not self.is_low_res_input:
            if h % 4 or w % 4:
                raise ValueError(f"sides must be multiples of 4, got {h}x{w}")
            small = F.interpolate(flat, scale_factor=0.25, mode="bicubic", align_corners=False)
        if min(small.shape[-2:]) < 64:
            raise ValueError(f"sides must be at least 64 at the working resolution, got {small.shape[-2:]}")
        spatial = in_chunks(self.feat_extract, flat)
        spatial = spatial.view(n, t, *spatial.shape[1:])
        flows = neighbour_flows(self.spynet, small.view(n, t, *small.shape[1:]))
        columns = [spatial]
        for branch in BRANCHES:
            columns.append(self.propagate(branch, columns, flows["backward" in branch]))
        return torch.stack([self._reconstruct(x[:, i], [c[:, i] for c in columns]) for i in range(t)], dim=1)

    def propagate(self, branch: str, columns: list[Tensor], flows: Tensor) -> Tensor:
        """One pass over the clip. `columns` are the spatial features and the earlier branches' outputs,
        (n, t, C, h, w) each; `flows` (n, t-1, 2, h, w) run in the branch's direction. -> (n, t, C, h, w)"""
        if "backward" in branch:  # the same walk, over the clip reversed
            columns = [column.flip(1) for column in columns]
            flows = flows.flip(1)
        done: list[Tensor] = []
        for i in range(columns[0].shape[1]):
            current = columns[0][:, i]
            carried = carry(self.deform_align[branch], current, done, flows, i)
            inputs = [column[:, i] for column in columns]
            done.append(carried + self.backbone[branch](torch.cat([*inputs, carried], dim=1)))
        features = torch.stack(done, dim=1)
        return features.flip(1) if "backward" in branch else features

    def _reconstruct(self, frame: Tensor, features: list[Tensor]) -> Tensor:
        base = bilinear_x4(frame) if self.is_low_res_input else frame
        return self.enlarge(self.reconstruction(torch.cat(features, dim=1)), base)


def _shrinking(channels: int) -> nn.Sequential:
    """Feature extraction that works at a quarter of the input's size."""
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1),
        nn.LeakyReLU(SLOPE),
        ResidualBlocksWithInputConv(channels, channels, 5),
    )
