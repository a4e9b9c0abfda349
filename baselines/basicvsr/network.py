"""BasicVSR: two recurrent passes with flow-warped features, fused frame by frame, x4."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.layers.flow.neighbour_flow import neighbour_flows
from baselines.layers.flow.spynet import SPyNet
from baselines.layers.flow.warp import flow_warp
from baselines.layers.residual import ResidualBlocksWithInputConv, UpsampleTail, bilinear_x4, lrelu


class BasicVSR(UpsampleTail):
    """(n, t, 3, h, w) RGB in [0, 1] -> (n, t, 3, 4h, 4w), unclamped. Defaults are the released networks'.

    Source: BasicVSR, CVPR 2021, figure 2; layer facts of the released REDS and Vimeo-90K checkpoints.
    """

    def __init__(self, mid_channels: int = 64, num_blocks: int = 30) -> None:
        super().__init__(mid_channels)
        self.mid_channels = mid_channels
        self.spynet = SPyNet()
        self.backward_resblocks = ResidualBlocksWithInputConv(mid_channels + 3, mid_channels, num_blocks)
        self.forward_resblocks = ResidualBlocksWithInputConv(mid_channels + 3, mid_channels, num_blocks)
        self.fusion = nn.Conv2d(2 * mid_channels, mid_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        t = x.shape[1]
        flows_forward, flows_backward = neighbour_flows(self.spynet, x)
        earlier: list[Tensor] = []
        feature = x.new_zeros(x.shape[0], self.mid_channels, *x.shape[-2:])
        for i in reversed(range(t)):
            if i < t - 1:
                feature = flow_warp(feature, flows_backward[:, i])
            feature = self.backward_resblocks(torch.cat([x[:, i], feature], dim=1))
            earlier.append(feature)
        outputs = []
        feature = torch.zeros_like(feature)
        for i in range(t):
            if i > 0:
                feature = flow_warp(feature, flows_forward[:, i - 1])
            feature = self.forward_resblocks(torch.cat([x[:, i], feature], dim=1))
            fused = lrelu(self.fusion(torch.cat([earlier.pop(), feature], dim=1)))
            outputs.append(self.enlarge(fused, bilinear_x4(x[:, i])))
        return torch.stack(outputs, dim=1)
