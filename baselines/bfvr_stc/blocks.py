"""Building blocks over (b, c, t, h, w) features, and the encoder and generator of BFVR-STC.

Source: Wang et al., "Efficient Video Face Enhancement with Enhanced Spatial-Temporal Consistency" (CVPR
2025). Parameter names follow the published checkpoints. Norms run over time too, so that every frame of what
comes out depends on every frame that goes in.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.generative.vqgan import group_norm, swish

WIDTHS = (32, 64, 128, 256)
"""Channels at 512, 256, 128 and 64 pixels."""
LATENT = WIDTHS[-1]


def conv3x3x3(cin: int, cout: int) -> nn.Conv3d:
    """3x3x3 convolution that keeps the size; zeros beyond the edges, in time too."""
    return nn.Conv3d(cin, cout, 3, padding=1)


class ResBlock3d(nn.Module):
    """Norm, swish, conv, twice, plus the input; a 1x1x1 convolution matches unequal channels."""

    def __init__(self, cin: int, cout: int | None = None) -> None:
        super().__init__()
        cout = cin if cout is None else cout
        self.norm1 = group_norm(cin)
        self.conv1 = conv3x3x3(cin, cout)
        self.norm2 = group_norm(cout)
        self.conv2 = conv3x3x3(cout, cout)
        self.conv_out = nn.Conv3d(cin, cout, 1) if cin != cout else None

    def forward(self, x: Tensor) -> Tensor:
        """(b, cin, t, h, w) -> (b, cout, t, h, w)."""
        h = self.conv1(swish(self.norm1(x)))
        h = swish(self.norm2(h))  # a line of its own frees what conv1 made before conv2 runs
        h = self.conv2(h)
        h += x if self.conv_out is None else self.conv_out(x)
        return h


def attend_tokens(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head over tokens: (b, n, c) each -> (b, n, c), scores scaled by c ** -0.5.

    With four axes torch takes a kernel that never holds the matrix of scores, which for 24 frames is 9.7 GB.
    """
    return F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]


class Attention3d(nn.Module):
    """The projections of an attention block: a norm, then 1x1x1 convolutions."""

    def __init__(self, channels: int, groups: int = 32) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.q = nn.Conv3d(channels, channels, 1)
        self.k = nn.Conv3d(channels, channels, 1)
        self.v = nn.Conv3d(channels, channels, 1)
        self.proj_out = nn.Conv3d(channels, channels, 1)


class AttnBlock3d(Attention3d):
    """Self-attention over all positions of all frames, with the input added after."""

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) -> the same shape."""
        h = self.norm(x)
        q, k, v = (part(h).flatten(2).transpose(1, 2) for part in (self.q, self.k, self.v))
        out = attend_tokens(q, k, v).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.proj_out(out)


class TemporalAttention(Attention3d):
    """Attention over the frames at each position by itself, 16 groups in the norm, the input not added."""

    def __init__(self, channels: int = LATENT) -> None:
        super().__init__(channels, groups=16)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) -> the same shape."""
        b, _, t, height, width = x.shape
        h = self.norm(x)
        q, k, v = (
            part(h).permute(0, 3, 4, 2, 1).reshape(-1, t, x.shape[1]) for part in (self.q, self.k, self.v)
        )
        out = attend_tokens(q, k, v).unflatten(0, (b, height, width)).permute(0, 4, 3, 1, 2)
        return self.proj_out(out)


class Downsample3d(nn.Module):
    """Half the frames and half the size: a zero at the end of each axis, then a convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) -> (b, c, t // 2, h / 2, w / 2)."""
        return self.conv(F.pad(x, (0, 1, 0, 1, 0, 1)))


class Downsample2d(nn.Module):
    """Half the size of each frame; the zeros lie on both sides here."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, channels, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) -> (b, c, t, h / 2, w / 2)."""
        return self.conv(x)


class Upsample(nn.Module):
    """Nearest neighbour, then a 3x3x3 convolution. frames: twice as many frames too."""

    def __init__(self, channels: int, frames: bool = False) -> None:
        super().__init__()
        self.factor = (2.0 if frames else 1.0, 2.0, 2.0)
        self.conv = conv3x3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, t, h, w) -> (b, c, t or 2t, 2h, 2w)."""
        return self.conv(F.interpolate(x, scale_factor=self.factor, mode="nearest"))


class Blocks(nn.Module):
    """Blocks in a row, numbered as in the checkpoint."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Features through all blocks."""
        for block in self.blocks:
            x = block(x)
        return x


def encoder() -> Blocks:
    """(b, 3, n, h, w) -> latents (b, 256, n // 2, h / 8, w / 8). No activation before the last conv."""
    first, second, third, last = WIDTHS
    return Blocks([
        conv3x3x3(3, first),
        *(ResBlock3d(first), ResBlock3d(first), Downsample3d(first)),
        *(ResBlock3d(first, second), ResBlock3d(second), Downsample2d(second)),
        *(ResBlock3d(second, third), ResBlock3d(third), Downsample2d(third)),
        *(ResBlock3d(third, last), AttnBlock3d(last), ResBlock3d(last), AttnBlock3d(last)),
        *(ResBlock3d(last), AttnBlock3d(last), ResBlock3d(last)),
        *(group_norm(last), conv3x3x3(last, LATENT)),
    ])  # fmt: skip


def generator() -> Blocks:
    """Latents (b, 256, t, h, w) -> frames before the sigmoid (b, 3, 2t, 8h, 8w). None of its residual blocks
    works at the full size."""
    first, second, third, last = WIDTHS
    return Blocks([
        conv3x3x3(LATENT, last),
        *(ResBlock3d(last), AttnBlock3d(last), ResBlock3d(last)),
        *(ResBlock3d(last), AttnBlock3d(last), ResBlock3d(last), AttnBlock3d(last)),
        *(ResBlock3d(last, third), AttnBlock3d(third), ResBlock3d(third), AttnBlock3d(third)),
        Upsample(third),
        *(ResBlock3d(third, second), ResBlock3d(second), Upsample(second)),
        *(ResBlock3d(second, first), ResBlock3d(first), Upsample(first, frames=True)),
        *(group_norm(first), conv3x3x3(first, 3)),
    ])  # fmt: skip
