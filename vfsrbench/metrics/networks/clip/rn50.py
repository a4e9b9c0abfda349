"""CLIP RN50 in the layout of OpenAI's file: the towers for pictures and sentences, and learned prompts."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import InputError
from vfsrbench.metrics.networks.clip.image_tower import ImageTower
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint

LENGTH, VOCABULARY, WIDTH, HEADS, LAYERS, FEATURES = 77, 49408, 512, 8, 12, 1024
_NOT_TENSORS = ("input_resolution", "context_length", "vocab_size")


class CausalAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * WIDTH, WIDTH))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
        self.out_proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c_fc(x)
        return self.c_proj(x * torch.sigmoid(1.702 * x))  # "QuickGELU"


class ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn, self.ln_1 = CausalAttention(), nn.LayerNorm(WIDTH)
        self.mlp, self.ln_2 = Mlp(), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class TextTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(ResidualBlock() for _ in range(LAYERS)))

    def forward(self, x: Tensor) -> Tensor:
        return self.resblocks(x)


class ClipRN50(nn.Module):
    """Pictures and sentences to features of one space, (N, 1024) each, not of unit length.

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     ClipRN50().eval()(torch.rand(1, 3, 32, 48)).shape
        torch.Size([1, 1024])
    """

    def __init__(self) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(LENGTH, WIDTH))
        self.text_projection = nn.Parameter(torch.zeros(WIDTH, FEATURES))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(100)))
        self.visual = ImageTower()
        self.transformer = TextTransformer()
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


class LearnedPrompts(nn.Module):
    """CLIP-IQA+: 16 learned words a sentence in the place of written ones, the class in their middle."""

    def __init__(self) -> None:
        super().__init__()
        self.ctx = nn.Parameter(torch.zeros(2, 16, WIDTH))

    def forward(self, embedded: Tensor) -> Tensor:
        """Embedded sentences (2, length, 512): start, 16 words, three of the class, the rest."""
        half = self.ctx.shape[1] // 2
        start, named, rest = embedded[:, :1], embedded[:, 17:20], embedded[:, 20:]
        return torch.cat([start, self.ctx[:, :half], named, self.ctx[:, half:], rest], 1)


def load_clip(path: Path) -> ClipRN50:
    """The network with a file's weights: OpenAI's RN50.pt (an archive of a program, of which only the
    tensors are taken: nothing in it is called) or plain tensors. InputError when it does not fit."""
    network = ClipRN50()
    tensors = _program_tensors(path) if _is_program(path) else read_checkpoint(path)
    given = {name: value for name, value in tensors.items() if name not in _NOT_TENSORS}
    load_checkpoint(network, given, where=str(path))
    return network


def load_prompts(path: Path) -> LearnedPrompts:
    """Learned prompts of a file: one tensor (2, 16, 512), bare as it is published, or under the name ctx."""
    prompts = LearnedPrompts()
    bare = None
    if path.suffix != ".safetensors" and zipfile.is_zipfile(path):
        bare = torch.load(path, map_location="cpu", weights_only=True)
    given = {"ctx": bare} if isinstance(bare, Tensor) else read_checkpoint(path)
    load_checkpoint(prompts, given, where=str(path))
    return prompts


def _is_program(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _program_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0][:100]
        raise InputError(f"{path}: not a readable archive of CLIP ({reason}); download it again") from None
