"""ArcFace's IR-SE50 in the layout of facexlib's recognition_arcface_ir_se50.pth (InsightFace_Pytorch).

Input: RGB faces aligned to 112x112, float32 in [-1, 1], (N, 3, 112, 112). Output: unit embeddings (N, 512);
the L2 norm is part of the network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_UNITS = ((64, 3), (128, 4), (256, 14), (512, 3))  # channels, how many units; the first of each halves


class Residual(nn.Module):
    """The IR networks' unit: `layers` added to the input, which is thinned out or projected to fit."""

    def __init__(self, inputs: int, planes: int, stride: int, *layers: nn.Module) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module
        if inputs == planes:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            convolution = nn.Conv2d(inputs, planes, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(convolution, nn.BatchNorm2d(planes))
        self.res_layer = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class SqueezeExcite(nn.Module):
    """Channels weighted by a sigmoid of two 1x1 convolutions on their means."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(pooled))))


class Unit(Residual):
    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        super().__init__(
            inputs,
            planes,
            stride,
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, planes, 3, padding=1, bias=False),
            nn.PReLU(planes),
            nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(planes),
            SqueezeExcite(planes),
        )


class IRSE50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        units: list[nn.Module] = []
        inputs = 64
        for planes, count in _UNITS:
            for number in range(count):
                units.append(Unit(inputs, planes, 2 if number == 0 else 1))
                inputs = planes
        self.body = nn.Sequential(*units)
        # the dropout keeps the official numbering of the layers; it does nothing in use
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.6),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512),
        )

    def forward(self, x: Tensor) -> Tensor:
        embedding = self.output_layer(self.body(self.input_layer(x)))
        return embedding / embedding.norm(dim=1, keepdim=True)
