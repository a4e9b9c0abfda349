"""Building blocks of the face VQGANs, and the encoder and generator of CodeFormer and KEEP.

Source: Esser et al., "Taming Transformers" (CVPR 2021), in the arrangement of Zhou et al.,
"Towards Robust Blind Face Restoration with Codebook Lookup Transformer" (NeurIPS 2022), where each
network is one flat list of blocks. Parameter names follow the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNEL_MULTIPLIERS = (1, 2, 2, 4, 4, 8)


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm as all VQGANs use it: 32 groups, eps 1e-6."""
    return nn.GroupNorm(32, channels, eps=1e-6)


def conv3x3(cin: int, cout: int) -> nn.Conv2d:
    """3x3 convolution that keeps the size."""
    return nn.Conv2d(cin, cout, 3, padding=1)


def swish(x: Tensor) -> Tensor:
    """x * sigmoid(x); overwrites `x` when no gradient is wanted, so pass a tensor of your own."""
    return F.silu(x, inplace=not torch.is_grad_enabled())


class ResBlock(nn.Module):
    """Norm, swish, conv, twice, plus the input; a 1x1 convolution matches unequal channels.

    `shortcut` is that convolution's parameter name, which differs between publications:
    "conv_out" (CodeFormer, KEEP), "nin_shortcut" (RestoreFormer), "residual_func" (VQFR).
    """

    def __init__(self, cin: int, cout: int | None = None, shortcut: str = "conv_out") -> None:
        super().__init__()
        cout = cin if cout is None else cout
        self.norm1 = group_norm(cin)
        self.conv1 = conv3x3(cin, cout)
        self.norm2 = group_norm(cout)
        self.conv2 = conv3x3(cout, cout)
        self.shortcut = shortcut if cin != cout else None
        if self.shortcut:
            self.add_module(self.shortcut, nn.Conv2d(cin, cout, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(b, cin, h, w) -> (b, cout, h, w)."""
        h = self.conv1(swish(self.norm1(x)))
        h = self.conv2(swish(self.norm2(h)))
        h += self.get_submodule(self.shortcut)(x) if self.shortcut else x
        return h


def spatial_attention(q: Tensor, k: Tensor, v: Tensor, heads: int = 1) -> Tensor:
    """Attention between all positions: (b, c, h, w) each, channels split head-major, scores scaled
    by (c / heads) ** -0.5."""
    b, c, height, width = q.shape
    q, k, v = (t.reshape(b, heads, c // heads, -1).transpose(2, 3) for t in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v)
    return out.transpose(2, 3).reshape(b, c, height, width)


class AttnBlock(nn.Module):
    """Self-attention over all positions, with norm before and the input added after."""

    def __init__(self, channels: int, heads: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.norm = group_norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> the same shape."""
        h = self.norm(x)
        return x + self.proj_out(spatial_attention(self.q(h), self.k(h), self.v(h), self.heads))


class Downsample(nn.Module):
    """Half the size: zeros on the right and bottom edge only, then a 3x3 convolution of stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c, h / 2, w / 2)."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Double the size: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv3x3(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c, 2h, 2w)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class VQEncoder(nn.Module):
    """Image -> latent at 1/32 of the size (512 -> 16). No activation before the last convolution."""

    def __init__(
        self,
        latent: int = 256,
        base: int = 64,
        multipliers: Sequence[int] = CHANNEL_MULTIPLIERS,
        res_blocks: int = 2,
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = [conv3x3(3, base)]
        width = base
        for level, multiplier in enumerate(multipliers):
            lowest = level == len(multipliers) - 1
            for _ in range(res_blocks):
                blocks.append(ResBlock(width, base * multiplier))
                width = base * multiplier
                blocks += [AttnBlock(width)] if lowest else []
            blocks += [] if lowest else [Downsample(width)]
        blocks += [ResBlock(width), AttnBlock(width), ResBlock(width)]
        blocks += [group_norm(width), conv3x3(width, latent)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor, keep: Collection[int] = ()) -> tuple[Tensor, dict[int, Tensor]]:
        """(b, 3, h, w) -> latent (b, latent, h/32, w/32), and the outputs of the blocks in `keep`."""
        kept = {}
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in keep:
                kept[index] = x
        return x, kept


class VQGenerator(nn.Module):
    """Latent -> image at 32 times the size. No activation before the last convolution, no clamp."""

    def __init__(
        self,
        latent: int = 256,
        base: int = 64,
        multipliers: Sequence[int] = CHANNEL_MULTIPLIERS,
        res_blocks: int = 2,
    ) -> None:
        super().__init__()
        width = base * multipliers[-1]
        blocks: list[nn.Module] = [conv3x3(latent, width), ResBlock(width), AttnBlock(width), ResBlock(width)]
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for _ in range(res_blocks):
                blocks.append(ResBlock(width, base * multiplier))
                width = base * multiplier
                blocks += [AttnBlock(width)] if level == len(multipliers) - 1 else []
            blocks += [Upsample(width)] if level > 0 else []
        blocks += [group_norm(width), conv3x3(width, 3)]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, z: Tensor, after: Mapping[int, Callable[[Tensor], Tensor]] | None = None) -> Tensor:
        """(b, latent, h, w) -> (b, 3, 32h, 32w). `after[i]` replaces block i's output by its result."""
        after = after or {}
        for index, block in enumerate(self.blocks):
            z = block(z)
            if index in after:
                z = after[index](z)
        return z
