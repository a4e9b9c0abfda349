"""Attention inside small windows of three frames (after RSTT, Geng et al., CVPR 2022).

A window has 4x4 pixels of all three frames: 48 tokens in the order frame, row, column. In every second block
the windows are shifted by half their size; what then comes together from opposite borders sees none of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FRAMES = 3
WINDOW = 4
SHIFT = WINDOW // 2
HEADS = 8
TOKENS = FRAMES * WINDOW * WINDOW
OFFSETS = (2 * FRAMES - 1) * (2 * WINDOW - 1) ** 2
APART = -100.0
"""Added to the scores of tokens that must not see each other."""


def relative_index() -> Tensor:
    """(48, 48): which row of the bias table belongs to query i and key j, by where j lies from i."""
    axes = (torch.arange(FRAMES), torch.arange(WINDOW), torch.arange(WINDOW))
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
    frames, rows, columns = places[:, :, None] - places[:, None, :]
    side = 2 * WINDOW - 1
    return ((frames + FRAMES - 1) * side + rows + WINDOW - 1) * side + columns + WINDOW - 1


def regions(size: int) -> Tensor:
    """(windows, 48): the region of every token of a shifted map of size x size; tokens see their own region.

    Along each axis a region ends where the shift brought the far border, and where the last window begins.
    """
    line = torch.zeros(size, dtype=torch.int64)
    line[-WINDOW:-SHIFT] = 1
    line[-SHIFT:] = 2
    plane = (3 * line[:, None] + line).expand(1, FRAMES, size, size)
    return to_windows(plane[..., None])[0, :, :, 0]


def to_windows(x: Tensor) -> Tensor:
    """(b, 3, h, w, c) -> (b, windows, 48, c), windows row by row."""
    x = x.unflatten(3, (-1, WINDOW)).unflatten(2, (-1, WINDOW))
    return x.permute(0, 2, 4, 1, 3, 5, 6).flatten(3, 5).flatten(1, 2)


def from_windows(x: Tensor, height: int, width: int) -> Tensor:
    """What `to_windows` undoes: (b, windows, 48, c) -> (b, 3, height, width, c)."""
    x = x.unflatten(2, (FRAMES, WINDOW, WINDOW)).unflatten(1, (height // WINDOW, width // WINDOW))
    return x.permute(0, 3, 1, 4, 2, 5, 6).flatten(4, 5).flatten(2, 3)


class WindowAttention(nn.Module):
    """Attention of eight heads among a window's tokens, with a learned bias by their relative place."""

    relative_position_index: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros(OFFSETS, HEADS))
        self.register_buffer("relative_position_index", relative_index())
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, region: Tensor | None) -> Tensor:
        """x (b, windows, 48, dim); region (windows, 48), or None where all tokens of a window see each other
        -> (b, windows, 48, dim)."""
        count, dim = x.shape[1], x.shape[3]
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.t().reshape(1, HEADS, TOKENS, TOKENS)
        k, v = self.kv(x).chunk(2, dim=-1)
        if region is None:  # windows are samples
            q, k, v = (self._heads(t.flatten(0, 1)).transpose(1, 2) for t in (self.q(x), k, v))
        else:  # windows have scores of their own: they join the heads, so that samples share them
            q, k, v = (self._heads(t).transpose(2, 3).flatten(1, 2) for t in (self.q(x), k, v))
            other = region[:, None, :, None] != region[:, None, None, :]
            bias = torch.where(other, bias + APART, bias).flatten(0, 1)[None]
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        seen = seen.view(-1, count, HEADS, TOKENS, dim // HEADS)
        return self.proj(seen.transpose(2, 3).flatten(3))

    @staticmethod
    def _heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (HEADS, -1))


class Mlp(nn.Module):
    """Two linear layers of the same width, GELU between them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, dim)
        self.fc2 = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class WindowBlock(nn.Module):
    """Pre-norm window attention and MLP, each added to its input, on maps of size x size."""

    region: Tensor | None

    def __init__(self, dim: int, size: int, shifted: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)
        self.register_buffer("region", regions(size) if shifted else None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, size, size, dim) -> the same shape."""
        size = x.shape[2:4]
        h = self.norm1(x)
        if self.region is not None:
            h = h.roll((-SHIFT, -SHIFT), (2, 3))
        h = from_windows(self.attn(to_windows(h), self.region), *size)
        if self.region is not None:
            h = h.roll((SHIFT, SHIFT), (2, 3))
        x = x + h
        return x + self.mlp(self.norm2(x))


class WindowLayer(nn.Module):
    """Two blocks, the second one with shifted windows, over the maps of three frames together."""

    def __init__(self, dim: int, size: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(WindowBlock(dim, size, shifted) for shifted in (False, True))

    def forward(self, x: Tensor) -> Tensor:
        """(b * 3, dim, size, size) -> the same shape, in the same memory order."""
        maps = x.permute(0, 2, 3, 1).unflatten(0, (-1, FRAMES))
        for block in self.blocks:
            maps = block(maps)
        maps = maps.flatten(0, 1).permute(0, 3, 1, 2)
        return maps if x.is_contiguous(memory_format=torch.channels_last) else maps.contiguous()
