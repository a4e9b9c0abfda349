"""KEEP's cross-frame attention: a decoder map asks the same map of the frame before (section 3.3).

Golden figures: tests/parity/keep_cfa.json.
"""

from __future__ import annotations

from torch import Tensor, nn

from baselines.layers.generative.transformer import Attention, FeedForward

HEADS = 4
HEAD_DIM = 256


class CrossFrameAttention(nn.Module):
    """Attention and MLP without norm before them; each one's output is normalised, then added."""

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.ff = FeedForward(dim)
        self.attn = Attention(dim, HEADS, HEAD_DIM)

    def forward(self, curr: Tensor, prev: Tensor) -> Tensor:
        """Two maps (b, dim, h, w), of this frame and of the one before -> (b, dim, h, w)."""
        tokens, others = (m.flatten(2).transpose(1, 2) for m in (curr, prev))
        tokens = tokens + self.norm1(self.attn(tokens, others))
        tokens = tokens + self.norm2(self.ff(tokens))
        return tokens.transpose(1, 2).unflatten(2, curr.shape[2:])
