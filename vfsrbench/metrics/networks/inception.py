"""The Inception v3 of FID (TensorFlow's 2015-12-05 graph), in the layout of pytorch-fid's and
torch-fidelity's files (both hold the same tensors).

It differs from torchvision's: 1008 classes, average pools that leave the padding out of the mean, and a max
pool in the last block. Published FIDs differ by how pictures come to 299x299: `resize_pytorch_fid` and
`resize_tensorflow` are the two in use.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 299
FEATURES = 2048


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm (eps 0.001), ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class _Branches(nn.Module):
    """Helps a block to send its input through a row of its children."""

    def _through(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = self.get_submodule(name)(x)
        return x


class MixedFive(_Branches):
    """Mixed_5b to 5d: 1x1, 5x5, double 3x3 and pooled branches; `pooled` channels in the last."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNorm(inputs, 64, 1)
        self.branch5x5_1 = ConvNorm(inputs, 48, 1)
        self.branch5x5_2 = ConvNorm(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvNorm(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvNorm(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNorm(96, 96, 3, padding=1)
        self.branch_pool = ConvNorm(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self._through(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        wide = self._through(x, "branch5x5_1", "branch5x5_2")
        return torch.cat([self.branch1x1(x), wide, double, self.branch_pool(_average(x))], 1)


class ReduceSix(_Branches):
    """Mixed_6a: halves the picture."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = ConvNorm(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvNorm(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvNorm(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNorm(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self._through(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3")
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class MixedSix(_Branches):
    """Mixed_6b to 6e: 7x7 convolutions factored into rows and columns of `middle` channels."""

    def __init__(self, middle: int) -> None:
        super().__init__()
        row, column = {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = ConvNorm(768, 192, 1)
        self.branch7x7_1 = ConvNorm(768, middle, 1)
        self.branch7x7_2 = ConvNorm(middle, middle, **row)  # type: ignore[arg-type]
        self.branch7x7_3 = ConvNorm(middle, 192, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_1 = ConvNorm(768, middle, 1)
        self.branch7x7dbl_2 = ConvNorm(middle, middle, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_3 = ConvNorm(middle, middle, **row)  # type: ignore[arg-type]
        self.branch7x7dbl_4 = ConvNorm(middle, middle, **column)  # type: ignore[arg-type]
        self.branch7x7dbl_5 = ConvNorm(middle, 192, **row)  # type: ignore[arg-type]
        self.branch_pool = ConvNorm(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self._through(x, *(f"branch7x7_{i}" for i in range(1, 4)))
        double = self._through(x, *(f"branch7x7dbl_{i}" for i in range(1, 6)))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average(x))], 1)


class ReduceSeven(_Branches):
    """Mixed_7a: halves the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = ConvNorm(768, 192, 1)
        self.branch3x3_2 = ConvNorm(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvNorm(768, 192, 1)
        self.branch7x7x3_2 = ConvNorm(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvNorm(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvNorm(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        long = self._through(x, *(f"branch7x7x3_{i}" for i in range(1, 5)))
        short = self._through(x, "branch3x3_1", "branch3x3_2")
        return torch.cat([short, long, F.max_pool2d(x, 3, stride=2)], 1)


class MixedSeven(_Branches):
    """Mixed_7b and 7c: 3x3 convolutions split into a row and a column side by side.

    max_pool: the pooled branch takes the maximum instead of the mean (7c only).
    """

    def __init__(self, inputs: int, max_pool: bool) -> None:
        super().__init__()
        self.max_pool = max_pool
        self.branch1x1 = ConvNorm(inputs, 320, 1)
        self.branch3x3_1 = ConvNorm(inputs, 384, 1)
        self.branch3x3_2a = ConvNorm(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvNorm(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvNorm(inputs, 448, 1)
        self.branch3x3dbl_2 = ConvNorm(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvNorm(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvNorm(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvNorm(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self._through(x, "branch3x3dbl_1", "branch3x3dbl_2")
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.max_pool else _average(x)
        return torch.cat(
            [
                self.branch1x1(x),
                self.branch3x3_2a(single),
                self.branch3x3_2b(single),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                self.branch_pool(pooled),
            ],
            1,
        )


class FidInception(nn.Module):
    """Pictures (N, 3, 299, 299) RGB in [-1, 1] -> features (N, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvNorm(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvNorm(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvNorm(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvNorm(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvNorm(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = (
            MixedFive(192, 32),
            MixedFive(256, 64),
            MixedFive(288, 64),
        )
        self.Mixed_6a = ReduceSix(288)
        self.Mixed_6b, self.Mixed_6c = MixedSix(128), MixedSix(160)
        self.Mixed_6d, self.Mixed_6e = MixedSix(160), MixedSix(192)
        self.Mixed_7a = ReduceSeven()
        self.Mixed_7b, self.Mixed_7c = MixedSeven(1280, max_pool=False), MixedSeven(2048, max_pool=True)
        self.fc = nn.Linear(FEATURES, 1008)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The four feature maps that FID implementations offer: 64, 192, 768 and 2048 channels."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        first = F.max_pool2d(x, 3, stride=2)
        second = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(first)), 3, stride=2)
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(second))))
        third = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        return [first, second, third, self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(third)))]

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[-1].mean((2, 3))


def resize_pytorch_fid(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, 299, 299) in [-1, 1]: bilinear between pixel centres, without
    antialiasing (pytorch-fid, basicsr, VQFR)."""
    small = F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return 2 * small - 1


def resize_tensorflow(images: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, 299, 299): TensorFlow 1's bilinear, whose output pixel i lies at
    i * H / 299, on 0..255, then (x - 128) / 128 (torch-fidelity)."""
    levels = images * 255
    across = _lerp(levels, 3)
    return (_lerp(across, 2) - 128) / 128


def _lerp(x: Tensor, axis: int) -> Tensor:
    length = x.shape[axis]
    place = torch.arange(SIZE, dtype=torch.float64) * (length / SIZE)
    first = place.floor().long().clamp(max=length - 1)
    shape = [1, 1, 1, 1]
    shape[axis] = SIZE
    part = (place - first).to(x.dtype).to(x.device).view(shape)
    low = x.index_select(axis, first.to(x.device))
    high = x.index_select(axis, (first + 1).clamp(max=length - 1).to(x.device))
    return low + (high - low) * part
