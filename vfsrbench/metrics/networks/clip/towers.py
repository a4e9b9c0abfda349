"""CLIP: a tower for pictures, one for sentences, and their features of one space. In the layout of OpenAI's
files."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.metrics.networks.clip.transformer import Transformer

LENGTH, VOCABULARY, WIDTH, HEADS, LAYERS = 77, 49408, 512, 8, 12
NOT_TENSORS = ("input_resolution", "context_length", "vocab_size")
"""Numbers among the tensors of OpenAI's files."""


class Clip(nn.Module):
    """Pictures and sentences to features of one space, not of unit length."""

    def __init__(self, visual: nn.Module, features: int) -> None:
        """`visual`: the tower for pictures; it gives as many `features` as the other."""
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(LENGTH, WIDTH))
        self.text_projection = nn.Parameter(torch.zeros(WIDTH, features))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(100)))
        self.visual = visual
        self.transformer = Transformer(WIDTH, HEADS, LAYERS, causal=True)
        self.token_embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.ln_final = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) in [0, 1] -> features."""
        return self.visual(x)

    def embedded(self, sentences: Sequence[Sequence[int]], length: int = 0) -> Tensor:
        """Tokens, padded with 0 to `length` (default: the longest sentence's) -> (N, length, 512)."""
        length = length or max(map(len, sentences))
        rows = [[*tokens, *[0] * (length - len(tokens))] for tokens in sentences]
        return self.token_embedding(torch.tensor(rows, device=self.text_projection.device))

    def text_features(self, embedded: Tensor, ends: Sequence[int]) -> Tensor:
        """Embedded tokens and where each sentence ends -> features. Nothing looks at what comes later, so it
        does not matter how far sentences are padded."""
        x = self.ln_final(self.transformer(embedded + self.positional_embedding[: embedded.shape[1]]))
        return x[torch.arange(len(x), device=x.device), list(ends)] @ self.text_projection

    def logits(self, images: Tensor, texts: Tensor) -> Tensor:
        """exp(logit_scale) x cosine of picture's and sentence's features, (N, sentences); in float32."""
        with torch.autocast(images.device.type, enabled=False):
            a, b = (F.normalize(features.float(), dim=-1) for features in (images, texts))
            return self.logit_scale.float().exp() * a @ b.T
