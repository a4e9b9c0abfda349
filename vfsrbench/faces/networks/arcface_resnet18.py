"""The grey 128x128 ArcFace ResNet-18 whose file (arcface_resnet18.pth) comes with GFPGAN's release.

VQFR, RestoreFormer++ and the FOS benchmark score identity with it. Input: (N, 1, 128, 128) grey in [-1, 1];
`to_gray128` makes it. Output: raw embeddings (N, 512).
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.runtime.device import OnDevice


class Block(nn.Module):
    """Norm, conv, norm, PReLU, strided conv, norm, plus the shortcut, and the same PReLU again."""

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(inputs, planes, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != planes:
            shortcut = nn.Conv2d(inputs, planes, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(planes))

    def forward(self, x: Tensor) -> Tensor:
        out = self.prelu(self.bn1(self.conv1(self.bn0(x))))
        out = self.bn2(self.conv2(out))
        return self.prelu(out + (x if self.downsample is None else self.downsample(x)))


class ArcFaceResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU()
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(Block(64, 64, 1), Block(64, 64, 1))
        self.layer2 = nn.Sequential(Block(64, 128, 2), Block(128, 128, 1))
        self.layer3 = nn.Sequential(Block(128, 256, 2), Block(256, 256, 1))
        self.layer4 = nn.Sequential(Block(256, 512, 2), Block(512, 512, 1))
        self.bn4 = nn.BatchNorm2d(512)
        self.fc5 = nn.Linear(512 * 8 * 8, 512)
        self.bn5 = nn.BatchNorm1d(512)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.prelu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.bn5(self.fc5(self.bn4(x).flatten(1)))


def to_gray128(images: Tensor) -> Tensor:
    """RGB (N, 3, H, W) -> grey (N, 1, 128, 128) in the same range: weights 0.2989, 0.5870, 0.1140, then
    bilinear without antialiasing. The network expects [-1, 1]."""
    gray = (images * _luma().like(images)).sum(1, keepdim=True)
    return F.interpolate(gray, size=(128, 128), mode="bilinear", align_corners=False)


@lru_cache(maxsize=1)
def _luma() -> OnDevice:
    return OnDevice(torch.tensor([0.2989, 0.5870, 0.1140], dtype=torch.float64).view(1, 3, 1, 1))
