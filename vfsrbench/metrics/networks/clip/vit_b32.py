"""CLIP ViT-B/32 as LIQE's files hold it, fine-tuned as a whole."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from vfsrbench.metrics.networks.clip.image_tower import MEAN, STD
from vfsrbench.metrics.networks.clip.towers import NOT_TENSORS, Clip
from vfsrbench.metrics.networks.clip.transformer import Transformer
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint, unwrap

SIDE, PATCH, WIDTH, HEADS, LAYERS, FEATURES = 224, 32, 768, 12, 12, 512
_PREFIX = "clip_model."


class VisionTransformer(nn.Module):
    """Pictures (N, 3, 224, 224) RGB in [0, 1] -> features (N, 512)."""

    products = ("proj",)
    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        tokens = (SIDE // PATCH) ** 2 + 1
        self.class_embedding = nn.Parameter(torch.zeros(WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros(tokens, WIDTH))
        self.proj = nn.Parameter(torch.zeros(WIDTH, FEATURES))
        self.conv1 = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.ln_pre, self.ln_post = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.transformer = Transformer(WIDTH, HEADS, LAYERS, causal=False)
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1((x - self.mean) / self.std).flatten(2).transpose(1, 2)
        first = self.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([first, x], 1) + self.positional_embedding
        x = self.transformer(self.ln_pre(x))
        return self.ln_post(x[:, 0]) @ self.proj


class ClipViTB32(Clip):
    """Pictures and sentences to features (N, 512) each, not of unit length.

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     ClipViTB32().eval()(torch.rand(1, 3, 224, 224)).shape
        torch.Size([1, 512])
    """

    def __init__(self) -> None:
        super().__init__(VisionTransformer(), FEATURES)


def load_liqe(path: Path) -> ClipViTB32:
    """The network with the weights of a file of LIQE's (under `clip_model.`) or of plain tensors.
    InputError when it does not fit."""
    network = ClipViTB32()
    tensors = unwrap(read_checkpoint(path), str(path))
    given = {name.removeprefix(_PREFIX): value for name, value in tensors.items()}
    given = {name: value for name, value in given.items() if name not in NOT_TENSORS}
    load_checkpoint(network, given, where=str(path))
    return network
