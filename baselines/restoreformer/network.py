"""RestoreFormer (Wang et al., CVPR 2022) and RestoreFormer++ (Wang et al., TPAMI 2023).

A VQGAN whose decoder is queried by the encoder: in every attention of the decoder the degraded face's
feature asks, and the feature made from the codebook answers. The ++ variant asks at 32 x 32, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from baselines.layers.checks import expect_multiples
from baselines.layers.generative.vqgan import (
    CHANNEL_MULTIPLIERS,
    Downsample,
    ResBlock,
    Upsample,
    conv3x3,
    group_norm,
    spatial_attention,
    swish,
)

BASE = 64
LATENT = 256
CODES = 1024
LOWEST = len(CHANNEL_MULTIPLIERS) - 1  # the level of 16 x 16 features
WIDTHS = tuple(BASE * m for m in CHANNEL_MULTIPLIERS)


class RestoreFormerOutput(NamedTuple):
    """What the network returns: the image, the codeword of each place (B, h, w), the encoder's features."""

    image: Tensor
    code_indices: Tensor
    hs: dict[str, Tensor]


class Attention(nn.Module):
    """Attention over all positions, queried by the input itself or by another feature of its shape."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = group_norm(channels)
        self.norm2 = group_norm(channels)  # of the other feature; self-attention has it without using it
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, query: Tensor | None = None) -> Tensor:
        h = self.norm1(x)
        q = self.q(h if query is None else self.norm2(query))
        return x + self.proj_out(spatial_attention(q, self.k(h), self.v(h), self.heads))


class Level(nn.Module):
    """All blocks at one resolution, each with an attention after it where `heads` is not 0.

    The network around it hangs `downsample` or `upsample` on every level but its last.
    """

    def __init__(self, inputs: int, outputs: int, blocks: int, heads: int) -> None:
        super().__init__()
        widths = [inputs] + [outputs] * (blocks - 1)
        self.block = nn.ModuleList(ResBlock(width, outputs, "nin_shortcut") for width in widths)
        self.attn = nn.ModuleList(Attention(outputs, heads) for _ in range(blocks if heads else 0))

    def forward(self, x: Tensor, query: Tensor | None = None) -> Tensor:
        for i, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[i](x, query)
        return x


class Middle(nn.Module):
    """The bottleneck: a block, an attention and a block."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.block_1 = ResBlock(channels, channels)
        self.attn_1 = Attention(channels, heads)
        self.block_2 = ResBlock(channels, channels)


class Encoder(nn.Module):
    """Image -> latent at 1/32 of the size, and the features that the decoder's attentions ask with."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.conv_in = conv3x3(3, BASE)
        self.down = nn.ModuleList()
        width = BASE
        for index, channels in enumerate(WIDTHS):
            level = Level(width, channels, 2, heads if index == LOWEST else 0)
            if index < LOWEST:
                level.add_module("downsample", Downsample(channels))
            self.down.append(level)
            width = channels
        self.mid = Middle(width, heads)
        self.norm_out = group_norm(width)
        self.conv_out = conv3x3(width, LATENT)

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        hs = {}
        x = self.conv_in(x)
        for index, level in enumerate(self.down):
            x = level(x)
            if index < LOWEST:
                hs[f"block_{index}"] = x
                x = level.get_submodule("downsample")(x)
        hs[f"block_{LOWEST}_atten"] = x = self.mid.block_1(x)
        hs["mid_atten"] = x = self.mid.block_2(self.mid.attn_1(x))
        return self.conv_out(swish(self.norm_out(x))), hs


class Decoder(nn.Module):
    """Quantized latent -> image; `queries` names the encoder feature that each attending level asks with."""

    def __init__(self, heads: int, queries: dict[int, str]) -> None:
        super().__init__()
        self.queries = queries
        width = WIDTHS[-1]
        self.conv_in = conv3x3(LATENT, width)
        self.mid = Middle(width, heads)
        levels: list[Level] = []
        for index in reversed(range(len(WIDTHS))):
            level = Level(width, WIDTHS[index], 3, heads if index in queries else 0)
            width = WIDTHS[index]
            if index:
                level.add_module("upsample", Upsample(width))
            levels.insert(0, level)
        self.up = nn.ModuleList(levels)  # index 0 is the full size
        self.norm_out = group_norm(width)
        self.conv_out = conv3x3(width, 3)

    def forward(self, z: Tensor, hs: dict[str, Tensor]) -> Tensor:
        x = self.mid.block_1(self.conv_in(z))
        x = self.mid.block_2(self.mid.attn_1(x, hs["mid_atten"]))
        for index in reversed(range(len(self.up))):
            level = self.up[index]
            x = level(x, hs[self.queries[index]] if index in self.queries else None)
            if index:
                x = level.get_submodule("upsample")(x)
        return self.conv_out(swish(self.norm_out(x)))


class Quantizer(nn.Module):
    """Each position's latent replaced by the nearest codeword (squared distance, the first of equals)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CODES, LATENT)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 256, h, w) -> the codewords in that shape, and their indices (B, h, w)."""
        words = self.embedding.weight
        flat = z.movedim(1, -1).reshape(-1, words.shape[1])
        # |z|^2 is the same for all codewords, so it has no say in which one is nearest
        distance = torch.addmm(words.square().sum(1), flat, words.t(), alpha=-2)
        indices = distance.argmin(1).view(len(z), *z.shape[2:])
        # without contiguous() the decoder would run in channels-last order, where CPU GroupNorm rounds worse
        return self.embedding(indices).movedim(-1, 1).contiguous(), indices


class RestoreFormer(nn.Module):
    """RestoreFormer. Input (B, 3, H, W), RGB in [-1, 1], sides multiples of 32 (officially 512 x 512).

    `heads` is the number of attention heads (called head_size in the official configuration) and
    `attend` the decoder levels with attention, 5 being 16 x 16 of 512.
    """

    side = 512
    """What the official tools resize faces to."""

    def __init__(self, heads: int = 8, attend: Sequence[int] = (LOWEST,)) -> None:
        super().__init__()
        queries = {level: f"block_{level}" + ("_atten" if level == LOWEST else "") for level in attend}
        self.encoder = Encoder(heads)
        self.decoder = Decoder(heads, queries)
        self.quantize = Quantizer()
        self.quant_conv = nn.Conv2d(LATENT, LATENT, 1)
        self.post_quant_conv = nn.Conv2d(LATENT, LATENT, 1)

    def forward(self, x: Tensor) -> RestoreFormerOutput:
        expect_multiples(self, x, 2**LOWEST)
        latent, hs = self.encoder(x)
        quantized, indices = self.quantize(self.quant_conv(latent))
        image = self.decoder(self.post_quant_conv(quantized), hs)
        return RestoreFormerOutput(image, indices, hs)


class RestoreFormerPP(RestoreFormer):
    """RestoreFormer++: half the heads, and attention at 32 x 32 as well."""

    def __init__(self) -> None:
        super().__init__(heads=4, attend=(LOWEST, LOWEST - 1))
