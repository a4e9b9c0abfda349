"""KEEP's Kalman gain network: how far to trust the prediction from the frame before (KEEP, section 3.2).

Golden figures: tests/parity/keep_kalman.json.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.layers.flow.warp import flow_warp
from baselines.layers.generative.transformer import Attention, FeedForward
from baselines.layers.generative.vqgan import ResBlock

DIM = 256
HEADS = 8
HEAD_DIM = 48
BLOCKS = 3

# What a later window needs of the frames before it: for each block, the normalised tokens
# (b, n, DIM) of the clip's first frame and of the frame before the window.
Memory = list[tuple[Tensor, Tensor]]


class UncertaintyBlock(nn.Module):
    """Attention to the first and the previous frame, an MLP, attention along time at each position."""

    def __init__(self) -> None:
        super().__init__()
        self.attn1 = Attention(DIM, HEADS, HEAD_DIM)
        self.norm1 = nn.LayerNorm(DIM)
        self.ff = FeedForward(DIM)
        self.norm3 = nn.LayerNorm(DIM)
        self.attn_temp = Attention(DIM, HEADS, HEAD_DIM)
        self.norm_temp = nn.LayerNorm(DIM)

    def forward(
        self, x: Tensor, memory: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Tokens (b, t, n, DIM) -> the same shape, and the memory for the window after this one.

        A frame never attends to itself in the first step, except a clip's first frame, which stands
        in for both. The last step sees all frames of the window, later ones too.
        """
        b, t, n, _ = x.shape
        own = self.norm1(x)
        first, before = memory or (own[:, 0], own[:, 0])
        previous = torch.cat((before[:, None], own[:, :-1]), dim=1)
        context = torch.cat((first[:, None].expand(-1, t, -1, -1), previous), dim=2)
        x = x + self.attn1(own.flatten(0, 1), context.flatten(0, 1)).unflatten(0, (b, t))
        x = x + self.ff(self.norm3(x))
        along_time = self.norm_temp(x).transpose(1, 2).flatten(0, 1)
        x = x + self.attn_temp(along_time).unflatten(0, (b, n)).transpose(1, 2)
        return x, (first, own[:, -1])


class KalmanFilter(nn.Module):
    """Gains in (0, 1) for each frame and latent position: 0 keeps the observation, 1 the prediction."""

    def __init__(self) -> None:
        super().__init__()
        self.uncertainty_estimator = nn.ModuleList(UncertaintyBlock() for _ in range(BLOCKS))
        self.kalman_gain_calculator = nn.Sequential(
            ResBlock(DIM), ResBlock(DIM), ResBlock(DIM), nn.Conv2d(DIM, 1, 1), nn.Sigmoid()
        )

    def gains(self, z_codes: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Latents (b, t, 256, h, w) -> gains (b, t, 1, h, w), and the memory for the next window.

        Every gain depends on all frames of the window, so it is not causal: cutting a clip otherwise
        changes the result. `memory` stands for the frames before the window.
        """
        b, _, _, h, w = z_codes.shape
        tokens = z_codes.flatten(3).transpose(2, 3)
        remembered: Memory = []
        for index, block in enumerate(self.uncertainty_estimator):
            tokens, entry = block(tokens, memory[index] if memory else None)
            remembered.append(entry)
        maps = tokens.transpose(2, 3).flatten(0, 1).unflatten(2, (h, w))
        return self.kalman_gain_calculator(maps).unflatten(0, (b, -1)), remembered

    def forward(
        self, z_codes: Tensor, image: Tensor | None = None, flow: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """The filter's two halves: gains of `z_codes`, and, where `image` (n, 3, h, w) and `flow`
        (n, 2, h, w; pixels) are given, the predicted image."""
        gains, _ = self.gains(z_codes)
        if image is None or flow is None:
            return gains
        return gains, flow_warp(image, flow)
