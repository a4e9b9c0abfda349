"""Recurrent feature enhancement: one bidirectional pass of flow-guided alignment inside the UNet.

FLAIR, section 3.3 and equation 5 (the weight that keeps errors from piling up over frames).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.deform_align import SecondOrderAlignment, carry
from baselines.layers.flow.neighbour_flow import neighbour_flows
from baselines.layers.flow.spynet import SPyNet
from baselines.layers.residual import ResidualBlocksWithInputConv

BRANCHES = ("backward_1", "forward_1")
Flows = tuple[Tensor, Tensor]
"""Forward and backward flows, (b, n-1, 2, h, w) each, in pixels of that size."""
FlowsBySize = dict[tuple[int, ...], Flows]


def level_flows(spynet: SPyNet, frames: Tensor) -> Flows:
    """Flows of (b, n, 3, h, w) frames in [-1, 1]. They carry no gradient, as in the official network, and
    are float32 whatever the network runs in: half precision would lose fractions of a pixel."""
    with torch.no_grad(), torch.autocast(frames.device.type, enabled=False):
        return neighbour_flows(spynet, ((frames.float() + 1) / 2).clamp(0, 1))


class RecurrentEnhancement(nn.Module):
    """(b, n, C, h, w) -> the same, with what neighbouring frames know carried over.

    `spynet` is registered here only where the checkpoint lists it under each such block.
    """

    def __init__(self, channels: int, max_residue: float, spynet: SPyNet | None = None) -> None:
        super().__init__()
        c = channels
        if spynet is not None:
            self.spynet = spynet
        self.deform_align = nn.ModuleDict({b: SecondOrderAlignment(c, max_residue) for b in BRANCHES})
        self.backbone = nn.ModuleDict(
            {b: ResidualBlocksWithInputConv((2 + i) * c, c, 1) for i, b in enumerate(BRANCHES)}
        )
        self.reconstruction = ResidualBlocksWithInputConv(3 * c, c, 1)
        self.conv_last = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor, flows: Flows, weights: Tensor | float = 1.0) -> Tensor:
        """`weights`: how much of a frame's feature is carried on, (b, n, 1, H, W) or a number."""
        b, n, c, h, w = x.shape
        if isinstance(weights, Tensor):
            weights = F.interpolate(weights.flatten(0, 1).to(x.dtype), (h, w), mode="nearest").view(
                b, n, 1, h, w
            )
        forward, backward = flows
        back = self._pass("backward_1", x.flip(1), [], backward.flip(1), _flipped(weights)).flip(1)
        ahead = self._pass("forward_1", x, [back], forward, weights)
        joined = torch.cat([x, back, ahead], dim=2).flatten(0, 1)
        return x + self.conv_last(self.reconstruction(joined)).view(b, n, c, h, w)

    def _pass(
        self, branch: str, x: Tensor, others: list[Tensor], flows: Tensor, weights: Tensor | float
    ) -> Tensor:
        """Walk over the frames in the order given; all arguments run in that order."""
        done: list[Tensor] = []
        for i in range(x.shape[1]):
            current = x[:, i]
            carried = carry(self.deform_align[branch], current, done, flows, i)
            inputs = [current, *(other[:, i] for other in others), carried]
            carried = carried + self.backbone[branch](torch.cat(inputs, dim=1))
            done.append(carried * (weights[:, i] if isinstance(weights, Tensor) else weights))
        return torch.stack(done, dim=1)


def _flipped(weights: Tensor | float) -> Tensor | float:
    return weights.flip(1) if isinstance(weights, Tensor) else weights
