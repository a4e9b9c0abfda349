"""ParseNet (chaofengc/PSFRGAN) in the layout of facexlib's parsing_parsenet.pth: 19 face regions of a
512x512 face, for the mask under which a restored face is pasted back.

Residual blocks between 512 and 32 pixels; every convolution pads by reflection; a block that changes the
size or the channels has a convolution of the same stride in its shortcut.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

REGIONS = (
    *("background", "skin", "left brow", "right brow", "left eye", "right eye", "glasses"),
    *("left ear", "right ear", "earring", "nose", "mouth", "upper lip", "lower lip"),
    *("neck", "necklace", "cloth", "hair", "hat"),
)
SIDE = 512
BASE, WIDEST, STEPS, DEPTH = 64, 256, 4, 10

Scale = Literal["same", "down", "up"]


class Convolution(nn.Module):
    """Doubling (nearest) or halving, reflected border, 3x3, and batch norm and leaky ReLU where asked."""

    def __init__(
        self, inputs: int, outputs: int, scale: Scale = "same", norm: bool = False, active: bool = False
    ) -> None:
        super().__init__()
        self.up, self.active = scale == "up", active
        self.conv2d = nn.Conv2d(inputs, outputs, 3, 2 if scale == "down" else 1, bias=not norm)
        # a holder, as the file calls the numbers norm.norm.weight
        self.norm = nn.ModuleDict({"norm": nn.BatchNorm2d(outputs)} if norm else {})

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"))
        for norm in self.norm.values():
            x = norm(x)
        return F.leaky_relu(x, 0.2, inplace=True) if self.active else x


class Block(nn.Module):
    """Two convolutions beside a shortcut. Going up, the first one doubles the size; going down, the second
    one halves it."""

    def __init__(self, inputs: int, outputs: int, scale: Scale = "same") -> None:
        super().__init__()
        first: Scale = "up" if scale == "up" else "same"
        second: Scale = "down" if scale == "down" else "same"
        changes = scale != "same" or inputs != outputs
        self.shortcut_func = Convolution(inputs, outputs, scale) if changes else nn.Identity()
        self.conv1 = Convolution(inputs, outputs, first, norm=True, active=True)
        self.conv2 = Convolution(outputs, outputs, second, norm=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut_func(x) + self.conv2(self.conv1(x))


class ParseNet(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1], sides multiples of 16 and at least 32 -> logits of the regions
    (N, 19, H, W). The official tools feed 512x512 faces."""

    def __init__(self) -> None:
        super().__init__()
        channels = [min(BASE << step, WIDEST) for step in range(STEPS + 1)]
        down = list(pairwise(channels))
        up = [(wide, narrow) for narrow, wide in reversed(down)]
        self.encoder = nn.Sequential(Convolution(3, BASE), *(Block(a, b, "down") for a, b in down))
        self.body = nn.Sequential(*(Block(channels[-1], channels[-1]) for _ in range(DEPTH)))
        self.decoder = nn.Sequential(*(Block(a, b, "up") for a, b in up))
        # the file also holds a head that paints the face; no mask needs it, but names must fit
        self.out_img_conv = Convolution(BASE, 3)
        self.out_mask_conv = Convolution(BASE, len(REGIONS))

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x)
        logits: Tensor = self.out_mask_conv(self.decoder(features + self.body(features)))
        return logits
