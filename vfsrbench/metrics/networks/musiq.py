"""MUSIQ (Ke et al., ICCV 2021): picture quality from patches of the picture at three scales, in the layout of
the PyTorch checkpoints that papers print (musiq_koniq_ckpt, musiq_spaq_ckpt, musiq_ava_ckpt).

Pictures (N, 3, H, W) RGB in [0, 1], at their own size -> scores (N,), higher is better. A picture enters with
its longer side at 224, at 384 and at its own length, each cut into patches of 32x32; a patch becomes a token
by a small ResNet, and 14 transformer blocks look at all tokens of the three scales together. The original
(Apache-2.0, JAX) shrinks with a Gaussian and divides by a biased deviation, which moves the score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import did_you_mean
from vfsrbench.runtime.device import OnDevice

PATCH = 32
LONGER_SIDES = (224, 384)
GRID = 10
WIDTH, HEADS, HIDDEN, BLOCKS = 384, 6, 1152, 14
_EPS = 1e-6


@dataclass(frozen=True)
class Tokens:
    """A batch's patches and where they lie, the same for each picture.

    patches: (N, tokens, 3 * 32 * 32) in [-1, 1], channel by channel; zero where there is no picture.
    positions, scales: (tokens,) cells of a 10x10 grid, and 0, 1, 2. real: False for tokens that only fill up.
    """

    patches: Tensor
    positions: Tensor
    scales: Tensor
    real: Tensor


def tokens_of(images: Tensor) -> Tokens:
    """Cut pictures (N, 3, H, W) in [0, 1] at the three scales: 49, 144 and all tokens."""
    images = 2 * images - 1
    height, width = images.shape[2:]
    patches = []
    for longer in (*LONGER_SIDES, None):
        size = _size(height, width, longer)
        resized = images
        if longer is not None:
            resized = F.interpolate(images, size=size, mode="bicubic", align_corners=False)
        cut = _cut(resized)
        patches.append(F.pad(cut, (0, 0, 0, _room(size, longer) - cut.shape[1])))
    together = torch.cat(patches, 1)
    device = together.device
    return Tokens(together, *(part.on(device) for part in _places(height, width)))


def _size(height: int, width: int, longer: int | None) -> tuple[int, int]:
    """Sides of the picture at a scale, rounded half to even."""
    if longer is None:
        return height, width
    ratio = longer / max(height, width)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def _room(size: tuple[int, int], longer: int | None) -> int:
    """Tokens of a scale, with those that only fill up."""
    rows, columns = (math.ceil(side / PATCH) for side in size)
    return rows * columns if longer is None else math.ceil(longer / PATCH) ** 2


@lru_cache(maxsize=16)
def _places(height: int, width: int) -> tuple[OnDevice, OnDevice, OnDevice]:
    """Positions, scales and whether there is a picture, of pictures of that size."""
    positions, scales, real = [], [], []
    for scale, longer in enumerate((*LONGER_SIDES, None)):
        size = _size(height, width, longer)
        rows, columns = (math.ceil(side / PATCH) for side in size)
        have, room = rows * columns, _room(size, longer)
        cells = [i * GRID // rows * GRID + j * GRID // columns for i in range(rows) for j in range(columns)]
        positions += [*cells, *[0] * (room - have)]
        scales += [*[scale] * have, *[0] * (room - have)]
        real += [*[True] * have, *[False] * (room - have)]
    return OnDevice(torch.tensor(positions)), OnDevice(torch.tensor(scales)), OnDevice(torch.tensor(real))


def _cut(images: Tensor) -> Tensor:
    """Patches row by row (N, rows * columns, 3 * 32 * 32); the odd pixels of the margin lie below and on the
    right."""
    height, width = images.shape[2:]
    rows, columns = math.ceil(height / PATCH), math.ceil(width / PATCH)
    down, across = rows * PATCH - height, columns * PATCH - width
    padded = F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))
    return F.unfold(padded, PATCH, stride=PATCH).transpose(1, 2)


class StandardConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding, its weights at mean 0, deviation 1 an output."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)
        total = max(kernel - stride, 0)
        self.margin = (total // 2, total - total // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        spread, mean = torch.std_mean(self.weight, (1, 2, 3), keepdim=True)
        return F.conv2d(F.pad(x, self.margin), (self.weight - mean) / (spread + 1e-5), None, self.stride)


class RootPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with group norms beside a projection."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = outputs // 4
        self.conv1, self.gn1 = StandardConv(inputs, middle, 1), nn.GroupNorm(32, middle, eps=1e-4)
        self.conv2, self.gn2 = StandardConv(middle, middle, 3), nn.GroupNorm(32, middle, eps=1e-4)
        self.conv3, self.gn3 = StandardConv(middle, outputs, 1), nn.GroupNorm(32, outputs, eps=1e-4)
        self.conv_proj, self.gn_proj = StandardConv(inputs, outputs, 1), nn.GroupNorm(32, outputs, eps=1e-4)

    def forward(self, x: Tensor) -> Tensor:
        beside = self.gn_proj(self.conv_proj(x))
        x = F.relu(self.gn1(self.conv1(x)))
        x = F.relu(self.gn2(self.conv2(x)))
        return F.relu(self.gn3(self.conv3(x)) + beside)


class PositionEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position_emb = nn.Parameter(torch.zeros(1, GRID * GRID, WIDTH))

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        return x + self.position_emb[0, positions]


class ScaleEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale_emb = nn.Parameter(torch.zeros(len(LONGER_SIDES) + 1, WIDTH))

    def forward(self, x: Tensor, scales: Tensor) -> Tensor:
        return x + self.scale_emb[scales]


class Attention(nn.Module):
    """Six heads. A token that only fills up attends evenly to all, and no other attends to it."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        count, length, _ = x.shape
        query = self.query(x) * real[:, None]  # all scores of a filling token are 0
        parts = [query, self.key(x), self.value(x)]
        q, k, v = (part.view(count, length, HEADS, -1).transpose(1, 2) for part in parts)
        seen = (real[None, :] | ~real[:, None])[None, None]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(mixed.transpose(1, 2).reshape(count, length, WIDTH))


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH, eps=_EPS), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH, eps=_EPS), Mlp()

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x), real)
        return x + self.mlp(self.norm2(x))


class Encoder(nn.Module):
    """Embedded tokens (N, tokens, 384) -> the class token (N, 384)."""

    def __init__(self) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.posembed_input, self.scaleembed_input = PositionEmbedding(), ScaleEmbedding()
        self.encoder_norm = nn.LayerNorm(WIDTH, eps=_EPS)
        self.transformer = nn.ModuleDict({f"encoderblock_{n}": Block() for n in range(BLOCKS)})

    def forward(self, x: Tensor, where: Tokens) -> Tensor:
        x = self.scaleembed_input(self.posembed_input(x, where.positions), where.scales)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
        real = F.pad(where.real, (1, 0), value=True)
        for block in self.transformer.values():
            x = block(x, real)
        return self.encoder_norm(x)[:, 0]


class MUSIQ(nn.Module):
    """num_classes: 1, the score itself (KonIQ-10k, SPAQ: about 0..100); 10, the mean of a distribution over
    1..10 (AVA).

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     MUSIQ(num_classes=1).eval()(torch.rand(1, 3, 64, 96)).shape
        torch.Size([1])
    """

    def __init__(self, num_classes: int = 1) -> None:
        super().__init__()
        if num_classes not in (1, 10):
            raise did_you_mean("number of classes of MUSIQ", str(num_classes), ("1", "10"))
        self.conv_root = StandardConv(3, 64, 7, 2)
        self.gn_root = nn.GroupNorm(32, 64, eps=_EPS)
        self.root_pool = RootPool()
        self.block1 = Bottleneck(64, 256)
        self.embedding = nn.Linear(256 * (PATCH // 4) ** 2, WIDTH)
        self.transformer_encoder = Encoder()
        score = nn.Linear(WIDTH, num_classes)
        self.head = score if num_classes == 1 else nn.Sequential(score, nn.Softmax(-1))

    def distribution(self, images: Tensor) -> Tensor:
        """(N, classes): the score, or the parts of the ten classes."""
        cut = tokens_of(images)
        pieces = cut.patches.reshape(-1, 3, PATCH, PATCH)
        x = self.block1(self.root_pool(F.relu(self.gn_root(self.conv_root(pieces)))))
        x = self.embedding(x.permute(0, 2, 3, 1).flatten(1))
        return self.head(self.transformer_encoder(x.view(*cut.patches.shape[:2], WIDTH), cut))

    def forward(self, x: Tensor) -> Tensor:
        found = self.distribution(x).float()
        if found.shape[1] == 1:
            return found[:, 0]
        return found @ torch.arange(1, found.shape[1] + 1, dtype=found.dtype, device=found.device)


def musiq_of_ten_classes() -> MUSIQ:
    """The network of AVA's file."""
    return MUSIQ(num_classes=10)
