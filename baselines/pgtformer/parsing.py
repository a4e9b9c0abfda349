"""BiSeNet for faces (Yu et al., ECCV 2018; face-parsing.PyTorch): what part of a face each place belongs to.

PGTFormer takes the raw scores of its three heads as a code of position.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import resnet18

CLASSES = 19
HEADS = 3
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in [0, 1]."""


def _pooled(x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True)


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class ConvBNReLU(nn.Module):
    """Convolution without bias that keeps the size, batch norm, ReLU."""

    def __init__(self, cin: int, cout: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class AttentionRefinement(nn.Module):
    """Features scaled channel by channel by what their global average says."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(cin, cout)
        self.conv_atten = nn.Conv2d(cout, cout, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.bn_atten(self.conv_atten(_pooled(x))).sigmoid()


class ContextPath(nn.Module):
    """ResNet-18 and the way back up: features at 1/8 of the size, from the backbone, refined, and coarse."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = resnet18(weights=None)
        del self.resnet.fc, self.resnet.avgpool
        self.arm16 = AttentionRefinement(256, 128)
        self.arm32 = AttentionRefinement(512, 128)
        self.conv_head32 = ConvBNReLU(128, 128)
        self.conv_head16 = ConvBNReLU(128, 128)
        self.conv_avg = ConvBNReLU(512, 128, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 3, h, w) -> (n, 128, h/8, w/8), (n, 128, h/8, w/8), (n, 128, h/16, w/16)."""
        net = self.resnet
        x = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))
        feat8 = net.layer2(x)
        feat16 = net.layer3(feat8)
        feat32 = net.layer4(feat16)
        coarse = self.conv_head32(_twice(self.arm32(feat32) + self.conv_avg(_pooled(feat32))))
        fine = self.conv_head16(_twice(self.arm16(feat16) + coarse))
        return feat8, fine, coarse


class FeatureFusion(nn.Module):
    """Backbone and refined features joined, channels that matter made stronger."""

    def __init__(self) -> None:
        super().__init__()
        self.convblk = ConvBNReLU(256, 256, 1)
        self.conv1 = nn.Conv2d(256, 64, 1, bias=False)
        self.conv2 = nn.Conv2d(64, 256, 1, bias=False)

    def forward(self, backbone: Tensor, refined: Tensor) -> Tensor:
        x = self.convblk(torch.cat((backbone, refined), dim=1))
        return x + x * self.conv2(F.relu(self.conv1(_pooled(x)))).sigmoid()


class Head(nn.Module):
    """Scores of the classes."""

    def __init__(self, cin: int, middle: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(cin, middle)
        self.conv_out = nn.Conv2d(middle, CLASSES, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class FaceParsing(nn.Module):
    """The scores of all three heads, at 1/16 of the size."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion()
        self.conv_out = Head(256, 256)
        self.conv_out16 = Head(128, 64)
        self.conv_out32 = Head(128, 64)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w), RGB in [0, 1] -> (n, 57, h/16, w/16), raw."""
        backbone, fine, coarse = self.cp((x - self.mean) / self.std)
        scores = (self.conv_out(self.ffm(backbone, fine)), self.conv_out16(fine), self.conv_out32(coarse))
        size = coarse.shape[2:]
        alike = [F.interpolate(s, size, mode="bilinear", align_corners=True) for s in scores[:2]]
        return torch.cat((*alike, scores[2]), dim=1)
