"""GMFlow's image features at 1/8 of the size: a residual CNN with instance norm."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 128


def normalise(x: Tensor) -> Tensor:
    """Instance norm without parameters, then ReLU."""
    return F.relu(F.instance_norm(x))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, cin: int, cout: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(cout, cout, 3, padding=1, bias=False)
        changes = stride != 1 or cin != cout
        self.downsample = nn.Sequential(nn.Conv2d(cin, cout, 1, stride)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """(b, cin, h, w) -> (b, cout, h / stride, w / stride)."""
        y = normalise(self.conv2(normalise(self.conv1(x))))
        return F.relu((F.instance_norm(self.downsample(x)) if self.downsample else x) + y)


class Backbone(nn.Module):
    """Normalised image (b, 3, h, w) -> features (b, 128, h / 8, w / 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.layer1 = nn.Sequential(ResidualBlock(64, 64), ResidualBlock(64, 64))
        self.layer2 = nn.Sequential(ResidualBlock(64, 96, 2), ResidualBlock(96, 96))
        self.layer3 = nn.Sequential(ResidualBlock(96, CHANNELS, 2), ResidualBlock(CHANNELS, CHANNELS))
        self.conv2 = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, 3, h, w) -> (b, 128, h / 8, w / 8)."""
        return self.conv2(self.layer3(self.layer2(self.layer1(normalise(self.conv1(x))))))
