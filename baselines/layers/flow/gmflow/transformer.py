"""GMFlow's feature transformer: self- and cross-attention inside shifted windows (GMFlow, section 3.2).

Tokens are rows of (b, h * w, c) in row-major order. A map is split into SPLITS x SPLITS windows; every
second layer shifts the windows by half their size, as Swin does.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SPLITS = 2
MASKED = -100.0  # added to the scores between parts of a shifted window that are not neighbours


def to_windows(x: Tensor) -> Tensor:
    """(b, h, w, c) -> (b, windows, tokens of a window, c)."""
    b, h, w, c = x.shape
    x = x.reshape(b, SPLITS, h // SPLITS, SPLITS, w // SPLITS, c)
    return x.transpose(2, 3).reshape(b, SPLITS * SPLITS, -1, c)


def from_windows(x: Tensor, h: int, w: int) -> Tensor:
    """The inverse of `to_windows`: -> (b, h, w, c)."""
    b, c = x.shape[0], x.shape[-1]
    x = x.reshape(b, SPLITS, SPLITS, h // SPLITS, w // SPLITS, c)
    return x.transpose(2, 3).reshape(b, h, w, c)


def shift_mask(h: int, w: int, device: torch.device) -> Tensor:
    """Scores to add in shifted windows, MASKED between different regions: (1, windows, tokens, tokens).

    On a CPU without the first axis: with it torch takes another kernel there, whose sums differ by 1e-6.
    """

    def region(size: int) -> Tensor:
        window = size // SPLITS
        index = torch.arange(size, device=device)
        return (index >= size - window).int() + (index >= size - window // 2).int()

    regions = region(h)[:, None] * 3 + region(w)
    tokens = to_windows(regions[None, :, :, None])[0, :, :, 0]
    mask = (tokens[:, :, None] != tokens[:, None, :]) * MASKED
    return mask if device.type == "cpu" else mask[None]


def sine_position(h: int, w: int, channels: int, device: torch.device) -> Tensor:
    """Sine position code of a window (channels, h, w): half of the channels for y, half for x, sine and
    cosine in turn; positions 1..n are scaled to (0, 2 pi]."""
    half = channels // 2
    index = torch.arange(half, device=device, dtype=torch.float32)
    period = 10000 ** (2 * torch.div(index, 2, rounding_mode="floor") / half)

    def axis(size: int) -> Tensor:
        position = torch.arange(1, size + 1, device=device, dtype=torch.float32)
        angle = (position / (size + 1e-6) * 2 * math.pi)[:, None] / period
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), dim=2).flatten(1).T

    y = axis(h)[:, :, None].expand(-1, -1, w)
    x = axis(w)[:, None, :].expand(-1, h, -1)
    return torch.cat((y, x))


def add_position(features: Tensor) -> Tensor:
    """Features (b, c, h, w) plus the position code, the same in each window."""
    _, c, h, w = features.shape
    code = sine_position(h // SPLITS, w // SPLITS, c, features.device)
    return features + code.repeat(1, SPLITS, SPLITS).to(features.dtype)


class WindowAttention(nn.Module):
    """One attention sub-layer: `source` asks, `target` answers; optionally followed by an MLP."""

    def __init__(self, dim: int, with_mlp: bool) -> None:
        super().__init__()
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.k_proj = nn.Linear(dim, dim, bias=False)
        self.v_proj = nn.Linear(dim, dim, bias=False)
        self.merge = nn.Linear(dim, dim, bias=False)
        self.norm1 = nn.LayerNorm(dim)
        self.mlp: nn.Sequential | None = None
        if with_mlp:
            hidden = 2 * dim * 4
            self.mlp = nn.Sequential(
                nn.Linear(2 * dim, hidden, bias=False), nn.GELU(), nn.Linear(hidden, dim, bias=False)
            )
            self.norm2 = nn.LayerNorm(dim)

    def forward(self, source: Tensor, target: Tensor, size: tuple[int, int], mask: Tensor | None) -> Tensor:
        """(b, h * w, dim) each -> the same shape. `mask` is given when the windows are shifted."""
        h, w = size
        shift = (h // SPLITS // 2, w // SPLITS // 2) if mask is not None else (0, 0)

        def windows(tokens: Tensor) -> Tensor:
            return to_windows(tokens.unflatten(1, size).roll((-shift[0], -shift[1]), dims=(1, 2)))

        q, k, v = self.q_proj(source), self.k_proj(target), self.v_proj(target)
        message = F.scaled_dot_product_attention(windows(q), windows(k), windows(v), mask)
        message = from_windows(message, h, w).roll(shift, dims=(1, 2)).flatten(1, 2)
        message = self.norm1(self.merge(message))
        if self.mlp is not None:
            message = self.norm2(self.mlp(torch.cat((source, message), dim=-1)))
        return source + message


class TransformerBlock(nn.Module):
    """Self-attention, then cross-attention with an MLP."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.self_attn = WindowAttention(dim, with_mlp=False)
        self.cross_attn_ffn = WindowAttention(dim, with_mlp=True)

    def forward(self, source: Tensor, target: Tensor, size: tuple[int, int], mask: Tensor | None) -> Tensor:
        """(b, h * w, dim) each -> the new source."""
        source = self.self_attn(source, source, size, mask)
        return self.cross_attn_ffn(source, target, size, mask)


class FeatureTransformer(nn.Module):
    """Six blocks that make the features of two images aware of each other."""

    def __init__(self, dim: int, layers: int = 6) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerBlock(dim) for _ in range(layers))

    def forward(self, feature0: Tensor, feature1: Tensor) -> tuple[Tensor, Tensor]:
        """Two (b, c, h, w) maps -> the two new maps. Both directions run as one batch."""
        size = (feature0.shape[2], feature0.shape[3])
        mask = shift_mask(*size, feature0.device).to(feature0.dtype)
        tokens = torch.cat((feature0, feature1)).flatten(2).transpose(1, 2)
        for index, layer in enumerate(self.layers):
            other = torch.cat(tokens.chunk(2)[::-1])
            tokens = layer(tokens, other, size, mask if index % 2 else None)
        new0, new1 = tokens.transpose(1, 2).unflatten(2, size).chunk(2)
        return new0, new1
