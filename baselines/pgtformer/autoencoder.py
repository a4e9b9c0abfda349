"""PGTFormer's TS-VQGAN: encoder and decoder whose maps of 128 pixels and less attend to all three frames.

At larger sizes every frame is by itself. Maps are (b * 3, c, h, w), the frames of a window together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from baselines.layers.generative.vqgan import (
    Downsample,
    ResBlock,
    Upsample,
    conv3x3,
    group_norm,
    swish,
)
from baselines.pgtformer.attention import FRAMES, WindowLayer

BASE = 64
MULTIPLIERS = (1, 2, 4, 4, 8)
LATENT = 256
WIDTHS = tuple(BASE * m for m in MULTIPLIERS)
FIRST_ATTENTION = 2
"""The first level, from the largest maps down, whose frames see each other."""

Fuse = Callable[[Tensor, bool], Tensor]
"""A decoder map, and whether the middle frames alone are wanted -> the fused map."""


def residual(cin: int, cout: int) -> ResBlock:
    return ResBlock(cin, cout, shortcut="nin_shortcut")


def middle_frames(x: Tensor) -> Tensor:
    """(b * 3, ...) -> (b, ...): the second frame of every window."""
    return x[FRAMES // 2 :: FRAMES]


class Middle(nn.Module):
    """Residual block, window attention, residual block, at the smallest size."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.block_1 = residual(channels, channels)
        self.attn_1 = WindowLayer(channels, size)
        self.block_2 = residual(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class Level(nn.Module):
    """Residual blocks of one size, each followed by window attention where `attend`; a change of size may
    come after them (`downsample` or `upsample`)."""

    downsample: Downsample
    upsample: Upsample

    def __init__(self, cin: int, cout: int, size: int, attend: bool, blocks: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(residual(cin if i == 0 else cout, cout) for i in range(blocks))
        self.attn = nn.ModuleList(WindowLayer(cout, size) for _ in range(blocks if attend else 0))

    def forward(self, x: Tensor) -> Tensor:
        """(b * 3, cin, size, size) -> (b * 3, cout, size, size), before the change of size."""
        for index, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[index](x)
        return x


class Frames(NamedTuple):
    """What the encoder makes of frames by themselves: the map that the first attention takes
    (n, 256, side/4, side/4), and the map to fuse at half of the size (n, 128, side/2, side/2)."""

    quarter: Tensor
    half: Tensor


class Encoder(nn.Module):
    """Frames -> latents at 1/16 of the size; one residual block a level."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.conv_in = conv3x3(3, BASE)
        levels = []
        for i, (cin, cout) in enumerate(zip((BASE, *WIDTHS), WIDTHS, strict=False)):
            level = Level(cin, cout, side >> i, i >= FIRST_ATTENTION, blocks=1)
            if i < len(WIDTHS) - 1:
                level.downsample = Downsample(cout)
            levels.append(level)
        self.down = nn.ModuleList(levels)
        self.mid = Middle(WIDTHS[-1], side >> (len(WIDTHS) - 1))
        self.norm_out = group_norm(WIDTHS[-1])
        self.conv_out = conv3x3(WIDTHS[-1], LATENT)

    def frames(self, x: Tensor) -> Frames:
        """Faces (n, 3, side, side): as far as every frame is by itself."""
        first, second, third = self._levels()[: FIRST_ATTENTION + 1]
        x = first.downsample(first(self.conv_in(x)))
        half = second(x)
        return Frames(third.block[0](second.downsample(half)), half)

    def windows(self, quarter: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Windows of three of `Frames.quarter` -> latents (b * 3, 256, side/16, side/16), and the maps to
        fuse at 1/4, 1/8 and 1/16 of the size."""
        levels = self._levels()[FIRST_ATTENTION:]
        x = levels[0].attn[0](quarter)
        kept = [x]
        for before, level in pairwise(levels):
            x = level(before.downsample(x))
            kept.append(x)
        return self.conv_out(swish(self.norm_out(self.mid(x)))), kept

    def _levels(self) -> list[Level]:
        return [level for level in self.down if isinstance(level, Level)]


class Decoder(nn.Module):
    """Latents -> frames; two residual blocks a level."""

    def __init__(self, side: int) -> None:
        super().__init__()
        smallest = len(WIDTHS) - 1
        self.conv_in = conv3x3(LATENT, WIDTHS[-1])
        self.mid = Middle(WIDTHS[-1], side >> smallest)
        levels = []
        for i, (cin, cout) in enumerate(zip((*WIDTHS[1:], WIDTHS[-1]), WIDTHS, strict=True)):
            level = Level(cin, cout, side >> i, i >= FIRST_ATTENTION, blocks=2)
            if i > 0:
                level.upsample = Upsample(cout)
            levels.append(level)
        self.up = nn.ModuleList(levels)
        self.norm_out = group_norm(WIDTHS[0])
        self.conv_out = conv3x3(WIDTHS[0], 3)

    def forward(self, z: Tensor, fuse: Mapping[int, Fuse], middle: bool = False) -> Tensor:
        """(b * 3, 256, side/16, side/16) -> (b * 3, 3, side, side), not clamped.

        fuse: by level, what follows its blocks. middle: the second frame of every window alone, (b, 3, side,
        side); the others are left out as soon as nothing depends on them.
        """
        x = self.mid(self.conv_in(z))
        last = min([FIRST_ATTENTION, *fuse])
        for index in reversed(range(len(self.up))):
            level = self.up[index]
            assert isinstance(level, Level)
            x = level(x)
            alone = middle and index == last
            if index in fuse:
                x = fuse[index](x, alone)
            elif alone:
                x = middle_frames(x)
            x = level.upsample(x) if index > 0 else x
        return self.conv_out(swish(self.norm_out(x)))
