"""MANIQA (Yang et al., CVPRW 2022) in the layout of the authors' files: a ViT-B/8, attention over channels
and in windows behind it, a score and a weight for each patch of 8x8 pixels of a crop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.metrics.networks.video.windows import Triple, cut, joined, regions

SIDE, PATCH, WIDTH, HEADS, BLOCKS = 224, 8, 768, 12, 12
GRID = SIDE // PATCH
TAKEN = (6, 7, 8, 9)
"""Blocks of the ViT whose tokens are looked at; what comes after them is in the files, and never run."""
_WINDOW, _SHIFT = 4, 2
_GRID: Triple = (1, GRID, GRID)
_CELL: Triple = (1, _WINDOW, _WINDOW)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).chunk(3, -1)
        q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in parts)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class VitBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = Attention(), Mlp(WIDTH, 4 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class ViT(nn.Module):
    """Crops (N, 3, 224, 224) in [-1, 1] -> tokens of four blocks side by side, (N, 784, 4 * 768)."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, GRID * GRID + 1, WIDTH))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.ModuleList(VitBlock() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.to(x.dtype).expand(len(x), -1, -1), x], 1) + self.pos_embed
        taken = []
        for number, block in enumerate(self.blocks[: TAKEN[-1] + 1]):
            x = block(x)
            if number in TAKEN:
                taken.append(x[:, 1:])
        return torch.cat(taken, 2)


class ChannelAttention(nn.Module):
    """Attention of channels (N, C, 784) to each other. What they gather is laid out anew in the order of its
    transpose: so do the authors, and their weights have learnt it."""

    def __init__(self) -> None:
        super().__init__()
        places = GRID * GRID
        self.c_q, self.c_k = nn.Linear(places, places), nn.Linear(places, places)
        self.c_v = nn.Linear(places, places)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part(x)[:, None] for part in (self.c_q, self.c_k, self.c_v))
        mixed = F.scaled_dot_product_attention(q, k, v)[:, 0]
        return x + mixed.transpose(1, 2).reshape(x.shape)


class WindowAttention(nn.Module):
    """Four heads in windows of 4x4."""

    relative_position_index: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * _WINDOW - 1) ** 2, 4))
        at = torch.stack(torch.meshgrid(*[torch.arange(_WINDOW)] * 2, indexing="ij")).flatten(1)
        rows, columns = at[:, :, None] - at[:, None, :] + _WINDOW - 1
        self.register_buffer("relative_position_index", rows * (2 * _WINDOW - 1) + columns)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x: (N * windows, 16, C); mask: (windows, 16, 16), added to the scores."""
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None]).repeat(len(x) // len(mask), 1, 1, 1)
        parts = self.qkv(x).chunk(3, -1)
        q, k, v = (part.unflatten(2, (4, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class SwinBlock(nn.Module):
    attn_mask: Tensor | None

    def __init__(self, width: int, shifted: bool) -> None:
        super().__init__()
        self.shift = _SHIFT if shifted else 0
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = WindowAttention(width), Mlp(width, WIDTH)
        self.attn_mask = None
        if shifted:
            del self.attn_mask
            parts = regions(_GRID, _CELL, (0, _SHIFT, _SHIFT)).value
            apart = (parts[:, None, :] != parts[:, :, None]).float()
            self.register_buffer("attn_mask", -100 * apart)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._windowed(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def _windowed(self, x: Tensor) -> Tensor:
        grid = x.unflatten(1, _GRID)
        if self.shift:
            grid = torch.roll(grid, (-self.shift, -self.shift), (2, 3))
        grid = joined(self.attn(cut(grid, _CELL), self.attn_mask), _CELL, _GRID)
        if self.shift:
            grid = torch.roll(grid, (self.shift, self.shift), (2, 3))
        return grid.flatten(1, 3)


class SwinLayer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.blocks = nn.ModuleList(SwinBlock(width, shifted) for shifted in (False, True))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        return F.relu(self.conv(tokens.transpose(1, 2).reshape(x.shape)))


class SwinStage(nn.Module):
    """Maps (N, C, 28, 28) to the same: each layer's result times `scale` is added to what it was given."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.downsample = nn.Conv2d(width, width, 3, 2, 1)  # in the files, and never run
        self.layers = nn.ModuleList(SwinLayer(width) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + self.scale * layer(x)
        return x


class MANIQA(nn.Module):
    """scale: 0.8 for KonIQ-10k's and KADID-10k's files, 0.13 for PIPAL's.

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     MANIQA().eval()(torch.rand(1, 3, 224, 224)).shape
        torch.Size([1, 784, 2])
    """

    def __init__(self, scale: float = 0.8) -> None:
        super().__init__()
        self.vit = ViT()
        self.tablock1 = nn.Sequential(ChannelAttention(), ChannelAttention())
        self.conv1 = nn.Conv2d(4 * WIDTH, WIDTH, 1)
        self.swintransformer1 = SwinStage(WIDTH, scale)
        self.tablock2 = nn.Sequential(ChannelAttention(), ChannelAttention())
        self.conv2 = nn.Conv2d(WIDTH, WIDTH // 2, 1)
        self.swintransformer2 = SwinStage(WIDTH // 2, scale)
        self.fc_score, self.fc_weight = _head(nn.ReLU()), _head(nn.Sigmoid())

    def forward(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, 224, 224) RGB in [0, 1] -> score and weight of each patch, (N, 784, 2)."""
        x = self.vit((crops - 0.5) / 0.5).transpose(1, 2)
        x = self.conv1(self.tablock1(x).unflatten(2, (GRID, GRID)))
        x = self.tablock2(self.swintransformer1(x).flatten(2))
        x = self.swintransformer2(self.conv2(x.unflatten(2, (GRID, GRID))))
        patches = x.flatten(2).transpose(1, 2)
        return torch.cat([self.fc_score(patches), self.fc_weight(patches)], 2)


def _head(last: nn.Module) -> nn.Sequential:
    width = WIDTH // 2
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 1), last)


def pooled(patches: Tensor) -> Tensor:
    """A picture's score from scores and weights of all patches of all its crops (crops, 784, 2), float64: the
    weighted mean."""
    scores, weights = patches.double().unbind(2)
    return (scores * weights).sum() / (weights.sum() + 1e-8)
