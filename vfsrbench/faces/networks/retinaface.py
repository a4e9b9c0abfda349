"""RetinaFace (Deng et al., CVPR 2020) in the layout of facexlib's detection_Resnet50_Final.pth and
detection_mobilenet0.25_Final.pth (keys without "module.").

Input: BGR, 0..255, minus `MEAN_BGR`, (N, 3, H, W). Output for A anchors (see `retinaface_decode`): box
offsets (N, A, 4), probabilities of background and face (N, A, 2), landmark offsets (N, A, 10).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN_BGR = (104.0, 117.0, 123.0)
ANCHORS_A_CELL = 2


def _conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def _conv_norm_act(inputs: int, outputs: int, kernel: int, slope: float, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(*_conv_norm(inputs, outputs, kernel, stride), nn.LeakyReLU(slope, inplace=True))


class ResNetBody(nn.Module):
    """torchvision's ResNet-50 up to layer4; puts out the last three stages (512, 1024, 2048 channels)."""

    channels = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        for name, child in resnet50(weights=None).named_children():
            if name not in ("avgpool", "fc"):
                self.add_module(name, child)

    def forward(self, x: Tensor) -> list[Tensor]:
        stages = []
        for name, child in self.named_children():
            x = child(x)
            if name in ("layer2", "layer3", "layer4"):
                stages.append(x)
        return stages


class MobileNetBody(nn.Module):
    """MobileNet v1 at a quarter of its width; puts out its three stages (64, 128, 256 channels)."""

    channels = (64, 128, 256)

    def __init__(self) -> None:
        super().__init__()
        first = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        second = [(64, 128, 2), *[(128, 128, 1)] * 5]
        third = [(128, 256, 2), (256, 256, 1)]
        start = _conv_norm_act(3, 8, 3, 0.1, stride=2)
        self.stage1 = nn.Sequential(start, *(self._depthwise(*shape) for shape in first))
        self.stage2 = nn.Sequential(*(self._depthwise(*shape) for shape in second))
        self.stage3 = nn.Sequential(*(self._depthwise(*shape) for shape in third))

    @staticmethod
    def _depthwise(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        spread = _conv_norm(inputs, inputs, 3, stride, groups=inputs)
        mix = _conv_norm(inputs, outputs, 1)
        return nn.Sequential(*spread, nn.LeakyReLU(0.1, inplace=True), *mix, nn.LeakyReLU(0.1, inplace=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        first = self.stage1(x)
        second = self.stage2(first)
        return [first, second, self.stage3(second)]


class FeaturePyramid(nn.Module):
    def __init__(self, inputs: tuple[int, int, int], outputs: int, slope: float) -> None:
        super().__init__()
        self.output1, self.output2, self.output3 = (_conv_norm_act(c, outputs, 1, slope) for c in inputs)
        self.merge1, self.merge2 = (_conv_norm_act(outputs, outputs, 3, slope) for _ in range(2))

    def forward(self, stages: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = self.output1(stages[0]), self.output2(stages[1]), self.output3(stages[2])
        middle = self.merge2(middle + F.interpolate(coarse, size=middle.shape[2:], mode="nearest"))
        fine = self.merge1(fine + F.interpolate(middle, size=fine.shape[2:], mode="nearest"))
        return [fine, middle, coarse]


class ContextModule(nn.Module):
    """SSH: 3x3, 5x5 (two 3x3) and 7x7 (three 3x3) views side by side, then a ReLU."""

    def __init__(self, channels: int, slope: float) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.conv3X3 = nn.Sequential(*_conv_norm(channels, half, 3))
        self.conv5X5_1 = _conv_norm_act(channels, quarter, 3, slope)
        self.conv5X5_2 = nn.Sequential(*_conv_norm(quarter, quarter, 3))
        self.conv7X7_2 = _conv_norm_act(quarter, quarter, 3, slope)
        self.conv7x7_3 = nn.Sequential(*_conv_norm(quarter, quarter, 3))

    def forward(self, x: Tensor) -> Tensor:
        shared = self.conv5X5_1(x)
        views = [self.conv3X3(x), self.conv5X5_2(shared), self.conv7x7_3(self.conv7X7_2(shared))]
        return F.relu(torch.cat(views, 1))


class Head(nn.Module):
    """A 1x1 convolution to `values` numbers an anchor, (N, anchors, values)."""

    def __init__(self, channels: int, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(channels, ANCHORS_A_CELL * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(len(x), -1, self.values)


class RetinaFace(nn.Module):
    def __init__(self, body: ResNetBody | MobileNetBody) -> None:
        super().__init__()
        channels = 64 if isinstance(body, MobileNetBody) else 256
        slope = 0.1 if channels <= 64 else 0.0
        self.body = body
        self.fpn = FeaturePyramid(body.channels, channels, slope)
        self.ssh1, self.ssh2, self.ssh3 = (ContextModule(channels, slope) for _ in range(3))
        self.ClassHead = nn.ModuleList(Head(channels, 2) for _ in range(3))
        self.BboxHead = nn.ModuleList(Head(channels, 4) for _ in range(3))
        self.LandmarkHead = nn.ModuleList(Head(channels, 10) for _ in range(3))

    def raw(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Box offsets, class logits and landmark offsets, all levels one after the other, fine to coarse."""
        fine, middle, coarse = self.fpn(self.body(x))
        levels = [self.ssh1(fine), self.ssh2(middle), self.ssh3(coarse)]

        def all_levels(heads: nn.ModuleList) -> Tensor:
            return torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], 1)

        return all_levels(self.BboxHead), all_levels(self.ClassHead), all_levels(self.LandmarkHead)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        boxes, logits, landmarks = self.raw(x)
        return boxes, logits.softmax(-1), landmarks


def retinaface_resnet50() -> RetinaFace:
    return RetinaFace(ResNetBody())


def retinaface_mobile025() -> RetinaFace:
    return RetinaFace(MobileNetBody())
