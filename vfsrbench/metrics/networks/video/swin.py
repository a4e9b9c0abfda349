"""Video Swin-T (Liu et al., CVPR 2022) as DOVER's technical branch (FAST-VQA) has it: within a fragment of
the picture tokens are apart as they are, between fragments by a table of its own. Names and shapes are those
of DOVER's file."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.metrics.networks.video.windows import (
    Triple,
    cut,
    fitted,
    fragments,
    joined,
    padded,
    regions,
)

WINDOW: Triple = (8, 7, 7)
SHIFT: Triple = (4, 3, 3)
WIDTH, DEPTHS, HEADS = 96, (2, 2, 6, 2), (3, 6, 12, 24)
_APART = -100.0
"""What is added to the score of two tokens that a shift brought into one window."""


class PatchEmbed(nn.Module):
    """2x4x4 pixels a token. (N, 3, T, H, W) -> (N, 96, T/2, H/4, W/4)."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, WIDTH, (2, 4, 4), (2, 4, 4))
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        time, height, width = x.shape[2:]
        x = self.proj(F.pad(x, (0, -width % 4, 0, -height % 4, 0, -time % 2)))
        return self.norm(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)


class WindowAttention(nn.Module):
    """Attention within windows. With `gated` the bias of two tokens is mixed from two tables by the distance
    of their fragments, in rows plus columns: 0, 1, 2, ... times one and 1, 0, -1, ... times the other."""

    relative_position_index: Tensor

    def __init__(self, width: int, heads: int, gated: bool) -> None:
        super().__init__()
        self.heads = heads
        offsets = (2 * WINDOW[0] - 1) * (2 * WINDOW[1] - 1) * (2 * WINDOW[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.fragment_position_bias_table: nn.Parameter | None = None
        if gated:
            self.fragment_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.register_buffer("relative_position_index", _offsets_of_tokens())
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, places: Tensor, parts: Tensor | None) -> Tensor:
        """x: (N * windows, tokens, C); `places`, `parts`: see `fragments` and `regions`."""
        bias = self._bias(x.shape[1], places)
        if parts is not None:
            bias = bias + _APART * (parts[:, None, :] != parts[:, :, None]).to(bias.dtype)[:, None]
        windows = [self._attended(clip, bias) for clip in x.split(len(places))]
        return self.proj(torch.cat(windows))

    def _attended(self, x: Tensor, bias: Tensor) -> Tensor:
        parts = self.qkv(x).chunk(3, -1)
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return mixed.transpose(1, 2).flatten(2)

    def _bias(self, tokens: int, places: Tensor) -> Tensor:
        """(windows or 1, heads, tokens, tokens)."""
        index = self.relative_position_index[:tokens, :tokens]  # smaller windows take the beginning
        near = self.relative_position_bias_table[index].permute(2, 0, 1)[None]
        if self.fragment_position_bias_table is None:
            return near
        far = self.fragment_position_bias_table[index].permute(2, 0, 1)[None]
        gate = (places[:, None] - places[:, :, None]).abs().sum(-1).to(near.dtype)[:, None]
        return near * gate + far * (1 - gate)


def _offsets_of_tokens() -> Tensor:
    """(tokens, tokens): a number for each offset in time, rows and columns within a window."""
    at = torch.stack(torch.meshgrid(*map(torch.arange, WINDOW), indexing="ij")).flatten(1)
    apart = at[:, :, None] - at[:, None, :]
    time, rows, columns = (part + n - 1 for part, n in zip(apart, WINDOW, strict=True))
    return (time * (2 * WINDOW[1] - 1) + rows) * (2 * WINDOW[2] - 1) + columns


class Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class SwinBlock(nn.Module):
    """(N, T, H, W, C) to the same."""

    def __init__(self, width: int, heads: int, shifted: bool, gated: bool) -> None:
        super().__init__()
        self.shift: Triple = SHIFT if shifted else (0, 0, 0)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, gated)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._windowed(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def _windowed(self, x: Tensor) -> Tensor:
        time, height, width = x.shape[1:4]
        window, shift = fitted((time, height, width), WINDOW, self.shift)
        size = padded((time, height, width), window)
        x = F.pad(x, (0, 0, 0, size[2] - width, 0, size[1] - height, 0, size[0] - time))
        parts = None
        if any(shift):
            x = torch.roll(x, [-s for s in shift], (1, 2, 3))
            parts = regions(size, window, shift).on(x.device)
        windows = self.attn(cut(x, window), fragments(size, window, shift).on(x.device), parts)
        x = joined(windows, window, size)
        if any(shift):
            x = torch.roll(x, shift, (1, 2, 3))
        return x[:, :time, :height, :width]


class PatchMerging(nn.Module):
    """2x2 tokens of a frame become one of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:4]
        x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        corners = [x[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, -1)))


class SwinLayer(nn.Module):
    """Blocks, every second one shifted, and the merging. (N, C, T, H, W) -> (N, 2 C, T, H/2, W/2)."""

    def __init__(self, stage: int) -> None:
        super().__init__()
        width, last = WIDTH << stage, stage == len(DEPTHS) - 1
        blocks = (SwinBlock(width, HEADS[stage], n % 2 == 1, not last) for n in range(DEPTHS[stage]))
        self.blocks = nn.ModuleList(blocks)
        self.downsample = None if last else PatchMerging(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 4, 1)
        for block in self.blocks:
            x = block(x)
        if self.downsample is not None:
            x = self.downsample(x)
        return x.permute(0, 4, 1, 2, 3)


class FragmentSwin(nn.Module):
    """Normalized frames (N, 3, T, H, W) -> maps (N, 768, T/2, H/32, W/32)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.layers = nn.ModuleList(SwinLayer(stage) for stage in range(len(DEPTHS)))
        self.norm = nn.LayerNorm(WIDTH << 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)
