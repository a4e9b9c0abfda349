"""Transformer layers of the face networks; all attention runs through scaled_dot_product_attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attention of `heads` heads over tokens: q (b, n, c), k and v (b, m, c) -> (b, n, c)."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Self-attention with nn.MultiheadAttention's parameters, a position code on query and key only."""

    products = ("in_proj_weight", "in_proj_bias")

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """x (b, n, dim), position (n, dim) or (b, n, dim) -> (b, n, dim)."""
        split = 2 * self.dim
        qk = F.linear(x + position, self.in_proj_weight[:split], self.in_proj_bias[:split])
        v = F.linear(x, self.in_proj_weight[split:], self.in_proj_bias[split:])
        q, k = qk.chunk(2, dim=-1)
        return self.out_proj(attend(q, k, v, self.heads))


class TransformerLayer(nn.Module):
    """Pre-norm self-attention and a GELU MLP, each added to its input (CodeFormer, section 3.2)."""

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(dim, heads)
        self.linear1 = nn.Linear(dim, hidden)
        self.linear2 = nn.Linear(hidden, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """x (b, n, dim), position (n, dim) or (b, n, dim) -> (b, n, dim)."""
        x = x + self.self_attn(self.norm1(x), position)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Attention(nn.Module):
    """Attention with separate projections (no bias) and a projected output; names as in diffusers."""

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        inner = heads * head_dim
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_k = nn.Linear(dim, inner, bias=False)
        self.to_v = nn.Linear(dim, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, dim))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x (b, n, dim) asks, context (b, m, dim) answers (x itself when not given) -> (b, n, dim)."""
        context = x if context is None else context
        return self.to_out(attend(self.to_q(x), self.to_k(context), self.to_v(context), self.heads))


class GEGLU(nn.Module):
    """Linear to twice the width; the first half times GELU of the second (Shazeer, 2020)."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, 2 * hidden)

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) -> (..., hidden)."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU of four times the width, then back; names as in diffusers (net.1 is a dropout of 0)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GEGLU(dim, 4 * dim), nn.Identity(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) -> (..., dim)."""
        return self.net(x)
