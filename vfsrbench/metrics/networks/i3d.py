"""Inflated Inception for video (I3D, Carreira & Zisserman, CVPR 2017), Kinetics-400, RGB, in the layout of
the PyTorch port that VideoGPT and TATS measure FVD with (i3d_pretrained_400.pt).

Clips (N, 3, T, 224, 224) RGB in [-1, 1], T >= 9 -> 400 logits (N, 400), averaged over time, before the
softmax: the feature of the Frechet video distance. Padding is TensorFlow's "same": computed from the size
and the stride, the odd pixel at the end; max pools pad with zeros. This port's batch norms have eps 1e-5;
other ports of I3D have 1e-3, which moves a block's output by 0.2 % of its spread.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from degradations.errors import InputError

SIZE = 224
LOGITS = 400
MIN_FRAMES = 9  # the last pool needs two time steps after three halvings

Triple = tuple[int, int, int]

# 1x1 | reduced, 3x3 | reduced, 3x3 | after the pool
_MIXED = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}


def _pad_same(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    padding: list[int] = []
    for size, k, s in reversed(list(zip(x.shape[2:], kernel, stride, strict=True))):
        total = max(k - (s if size % s == 0 else size % s), 0)
        padding += [total // 2, total - total // 2]
    return F.pad(x, padding)


class Unit3D(nn.Module):
    """Convolution, batch norm, ReLU; `plain`: only the convolution, with a bias."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, plain: bool = False
    ) -> None:
        super().__init__()
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv3d(_pad_same(x, self.kernel, self.stride))
        return x if self.bn is None else F.relu(self.bn(x))


class MaxPoolSame(nn.Module):
    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool3d(_pad_same(x, self.kernel, self.stride), self.kernel, self.stride)


class Mixed(nn.Module):
    """1x1x1, two reduced 3x3x3 branches, and one after a max pool, side by side."""

    def __init__(self, inputs: int, b0: int, b1a: int, b1b: int, b2a: int, b2b: int, b3b: int) -> None:
        super().__init__()
        self.b0 = Unit3D(inputs, b0)
        self.b1a, self.b1b = Unit3D(inputs, b1a), Unit3D(b1a, b1b, 3)
        self.b2a, self.b2b = Unit3D(inputs, b2a), Unit3D(b2a, b2b, 3)
        self.b3a, self.b3b = MaxPoolSame((3, 3, 3), (1, 1, 1)), Unit3D(inputs, b3b)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], 1)


class I3D(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3D(3, 64, 7, 2)
        self.MaxPool3d_2a_3x3 = MaxPoolSame((1, 3, 3), (1, 2, 2))
        self.Conv3d_2b_1x1 = Unit3D(64, 64)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, 3)
        self.MaxPool3d_3a_3x3 = MaxPoolSame((1, 3, 3), (1, 2, 2))
        self._add_mixed("Mixed_3b", "Mixed_3c")
        self.MaxPool3d_4a_3x3 = MaxPoolSame((3, 3, 3), (2, 2, 2))
        self._add_mixed("Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f")
        self.MaxPool3d_5a_2x2 = MaxPoolSame((2, 2, 2), (2, 2, 2))
        self._add_mixed("Mixed_5b", "Mixed_5c")
        self.logits = Unit3D(1024, LOGITS, plain=True)

    def _add_mixed(self, *names: str) -> None:
        for name in names:
            self.add_module(name, Mixed(*_MIXED[name]))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] < MIN_FRAMES:
            raise InputError(f"I3D needs at least {MIN_FRAMES} frames, got {x.shape[2]}")
        for name, stage in self.named_children():
            if name != "logits":
                x = stage(x)
        return self.logits(F.avg_pool3d(x, (2, 7, 7), stride=1)).mean((2, 3, 4))


def i3d_input(frames: Tensor) -> Tensor:
    """Clips (N, T, 3, H, W) in [0, 1] -> (N, 3, T, 224, 224) in [-1, 1]: the shorter side to 224, bilinear
    without antialiasing, then the centre."""
    count, time, _, height, width = frames.shape
    scale = SIZE / min(height, width)
    size = (SIZE, math.ceil(width * scale)) if height < width else (math.ceil(height * scale), SIZE)
    small = F.interpolate(frames.flatten(0, 1), size=size, mode="bilinear", align_corners=False)
    top, left = (size[0] - SIZE) // 2, (size[1] - SIZE) // 2
    crop = small[:, :, top : top + SIZE, left : left + SIZE]
    return (2 * crop - 1).view(count, time, 3, SIZE, SIZE).transpose(1, 2)
