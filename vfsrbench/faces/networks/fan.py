"""Stacked hourglass landmark networks: adaptive-wing FAN (98 WFLW points) and 2DFAN-4 (68 points).

Both take RGB in [0, 1], (N, 3, 256, 256), and put out four heatmaps, one a stack; the last counts. They
share the hourglass (Bulat & Tzimiropoulos, ICCV 2017); the adaptive-wing network (Wang et al., ICCV 2019)
adds coordinate channels in front of every hourglass and predicts a 99th map, the face's boundary.
Layouts: facexlib's alignment_WFLW_4HG.pth (under "state_dict") and face_alignment's
2DFAN4-11f355bf06.pth.tar. `landmarks` reads the points out of the heatmaps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STACKS = 4
DEPTH = 4
CHANNELS = 256


class ConvBlock(nn.Module):
    """Three 3x3 convolutions in a row, all three results side by side, plus the shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half, quarter = outputs // 2, outputs // 4
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample: nn.Module | None = None
        if inputs != outputs:
            fit = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.downsample = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), fit)

    def forward(self, x: Tensor) -> Tensor:
        first = self.conv1(F.relu(self.bn1(x)))
        second = self.conv2(F.relu(self.bn2(first)))
        third = self.conv3(F.relu(self.bn3(second)))
        return torch.cat([first, second, third], 1) + (x if self.downsample is None else self.downsample(x))


class CoordConv(nn.Module):
    """A convolution that also sees where it is: row, column (both in [-1, 1]) and radius.

    gated: two more channels, row and column where the last map of `heat` (the boundary) exceeds 0.05,
    zero elsewhere.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.conv = convolution

    def forward(self, x: Tensor, heat: Tensor | None = None) -> Tensor:
        return self.conv(self.with_coordinates(x, heat))

    @staticmethod
    def with_coordinates(x: Tensor, heat: Tensor | None) -> Tensor:
        count, _, height, width = x.shape
        row = torch.linspace(-1, 1, height, device=x.device, dtype=x.dtype)[:, None].expand(height, width)
        column = torch.linspace(-1, 1, width, device=x.device, dtype=x.dtype)[None, :].expand(height, width)
        radius = (row**2 + column**2).sqrt()
        place = torch.stack([row, column, radius / radius.max()]).expand(count, -1, -1, -1)
        if heat is None:
            return torch.cat([x, place], 1)
        boundary = heat[:, -1:].clamp(0, 1) > 0.05
        return torch.cat([x, place, place[:, :2] * boundary], 1)


class HourGlass(nn.Module):
    """Down four times by averaging and up again by repetition, with a skip at every size.

    coordinates: how many channels the coordinate convolution in front adds; 0 = there is none.
    """

    def __init__(self, coordinates: int = 0) -> None:
        super().__init__()
        self.coordconv: CoordConv | None = None
        if coordinates:
            self.coordconv = CoordConv(nn.Conv2d(CHANNELS + coordinates, CHANNELS, 1))
        for level in range(DEPTH, 0, -1):
            for part in ("b1", "b2", "b3"):
                self.add_module(f"{part}_{level}", ConvBlock(CHANNELS, CHANNELS))
        self.b2_plus_1 = ConvBlock(CHANNELS, CHANNELS)

    def forward(self, x: Tensor, heat: Tensor | None = None) -> Tensor:
        return self._level(x if self.coordconv is None else self.coordconv(x, heat), DEPTH)

    def _level(self, x: Tensor, level: int) -> Tensor:
        kept = self.get_submodule(f"b1_{level}")(x)
        low = self.get_submodule(f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self._level(low, level - 1) if level > 1 else self.b2_plus_1(low)
        return kept + F.interpolate(self.get_submodule(f"b3_{level}")(low), scale_factor=2, mode="nearest")


class _StackedHourGlass(nn.Module):
    """What both networks share: the stem after its first convolution, and the four stacks."""

    def __init__(self, maps: int, coordinates: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2, self.conv3, self.conv4 = ConvBlock(64, 128), ConvBlock(128, 128), ConvBlock(128, 256)
        for stack in range(STACKS):
            self.add_module(f"m{stack}", HourGlass(coordinates[stack]))
            self.add_module(f"top_m_{stack}", ConvBlock(CHANNELS, CHANNELS))
            self.add_module(f"conv_last{stack}", nn.Conv2d(CHANNELS, CHANNELS, 1))
            self.add_module(f"bn_end{stack}", nn.BatchNorm2d(CHANNELS))
            self.add_module(f"l{stack}", nn.Conv2d(CHANNELS, maps, 1))
            if stack < STACKS - 1:
                self.add_module(f"bl{stack}", nn.Conv2d(CHANNELS, CHANNELS, 1))
                self.add_module(f"al{stack}", nn.Conv2d(maps, CHANNELS, 1))

    def _stacks(self, stem: Tensor) -> list[Tensor]:
        x = F.avg_pool2d(self.conv2(F.relu(self.bn1(stem))), 2)
        previous = self.conv4(self.conv3(x))
        part = self.get_submodule
        heatmaps: list[Tensor] = []
        for stack in range(STACKS):
            heat = heatmaps[-1] if heatmaps else None
            features = part(f"top_m_{stack}")(part(f"m{stack}")(previous, heat))
            features = F.relu(part(f"bn_end{stack}")(part(f"conv_last{stack}")(features)))
            heatmaps.append(part(f"l{stack}")(features))
            if stack < STACKS - 1:
                previous = previous + part(f"bl{stack}")(features) + part(f"al{stack}")(heatmaps[-1])
        return heatmaps


class AwingFAN(_StackedHourGlass):
    """98 WFLW points; the heatmaps are (N, 99, 64, 64), the last map is the boundary."""

    def __init__(self) -> None:
        super().__init__(99, (3, 5, 5, 5))
        self.conv1 = CoordConv(nn.Conv2d(6, 64, 7, stride=2, padding=3))

    def forward(self, x: Tensor) -> list[Tensor]:
        return self._stacks(self.conv1(x))


class FAN2D4(_StackedHourGlass):
    """68 points; the heatmaps are (N, 68, 64, 64)."""

    def __init__(self) -> None:
        super().__init__(68, (0, 0, 0, 0))
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)

    def forward(self, x: Tensor) -> list[Tensor]:
        return self._stacks(self.conv1(x))
