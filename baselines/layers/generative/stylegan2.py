"""Layers of the StyleGAN2 generator (Karras et al., CVPR 2020) that the face restorers build on.

A modulated convolution scales its weights by a style, one number an input channel, and then (demodulation)
brings every output channel back to unit norm. Here the input is scaled and the output unscaled instead:
the same sum, but the weights stay shared by the batch, so that one plain convolution serves all samples.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of every leaky ReLU in StyleGAN2
SQRT2 = math.sqrt(2.0)


class PixelNorm(nn.Module):
    """x / root mean square of x over dim 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class FusedLeakyReLU(nn.Module):
    """sqrt(2) * leaky_relu(x + bias), with one learned bias a channel (dim 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias.view(1, -1, *[1] * (x.dim() - 2))
        return F.leaky_relu_((x + bias).mul_(SQRT2), SLOPE)


class EqualLinear(nn.Module):
    """Linear layer with equalized learning rate: weight * lr_mul / sqrt(in), bias * lr_mul.

    With `activate`, sqrt(2) * leaky_relu follows.
    """

    def __init__(self, inputs: int, outputs: int, lr_mul: float = 1.0, activate: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.lr_mul = lr_mul
        self.gain = lr_mul / math.sqrt(inputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self.gain, self.bias * self.lr_mul)
        return F.leaky_relu_(x.mul_(SQRT2), SLOPE) if self.activate else x


class EqualConv2d(nn.Module):
    """Convolution with equalized learning rate (weight / sqrt(fan-in)) and no bias."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.gain = 1 / math.sqrt(inputs * kernel * kernel)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.gain, stride=self.stride, padding=self.padding)


def blur_kernel(gain: float = 1.0) -> Tensor:
    """The binomial kernel [1, 3, 3, 1] x [1, 3, 3, 1], (4, 4), whose values sum to `gain`."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(row, row) * (gain / 64)


class Blur(nn.Module):
    """Each channel filtered by the binomial kernel, after `padding` zeros on every side.

    The kernel is a buffer that official checkpoints carry. It is symmetric: correlation is convolution.
    """

    kernel: Tensor

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("kernel", blur_kernel(gain))
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        return F.conv2d(x, self.kernel.expand(channels, 1, 4, 4), padding=self.padding, groups=channels)


class BlurUpsample(nn.Module):
    """Twice the size: zeros between the pixels, then the binomial kernel (sum 4)."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", blur_kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        weight = self.kernel.expand(channels, 1, 4, 4)
        return F.conv_transpose2d(x, weight, stride=2, padding=1, groups=channels)


def bilinear(x: Tensor, factor: float) -> Tensor:
    """Bilinear resize with half-pixel centres and no antialiasing."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class ModulatedConv2d(nn.Module):
    """Convolution whose weights are scaled by a style and, unless it makes RGB, demodulated.

    `modulation` maps the latent (B, D) to the style (B, inputs); `gain` multiplies the stored weights
    (1/sqrt(fan-in) where the network equalizes learning rates, 1 where a checkpoint has it folded in).
    forward(x, latent, bias, scale): scale * conv(x) + bias, bias broadcastable to (B, outputs, H, W).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        modulation: nn.Module,
        gain: float = 1.0,
        demodulate: bool = True,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.modulation = modulation
        self.gain = gain
        self.demodulate = demodulate

    def forward(self, x: Tensor, latent: Tensor, bias: Tensor, scale: float = 1.0) -> Tensor:
        weight = self.weight[0]
        with torch.autocast(x.device.type, enabled=False):  # cheap here, and felt by every pixel
            style = self.modulation(latent.to(weight.dtype)) * self.gain
            norm = torch.rsqrt(style.square() @ weight.square().sum((2, 3)).t() + 1e-8)
        if not self.demodulate:
            return self._mix(x, weight, style * scale) + bias
        x = self.convolve(x * style[:, :, None, None], weight)
        return torch.addcmul(bias, x, norm[:, :, None, None], value=scale)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """The plain convolution inside; layers that change the size override it."""
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)

    @staticmethod
    def _mix(x: Tensor, weight: Tensor, style: Tensor) -> Tensor:
        """1x1 convolution to few channels: there the weights are the cheaper thing to scale."""
        mixed = (weight[:, :, 0, 0] * style[:, None]) @ x.flatten(2)
        return mixed.unflatten(2, x.shape[2:])


class BilinearUpConv2d(ModulatedConv2d):
    """Modulated convolution of the input at twice its size (bilinear)."""

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        return super().convolve(bilinear(x, 2), weight)


class BlurUpConv2d(ModulatedConv2d):
    """Modulated transposed convolution of stride 2 (h to 2h + 1), then a blur that trims it to 2h."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, modulation: nn.Module, gain: float = 1.0
    ) -> None:
        super().__init__(inputs, outputs, kernel, modulation, gain)
        self.blur = Blur(padding=1, gain=4.0)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        blurred: Tensor = self.blur(x)
        return blurred


def decoder_channels(size: int, multiplier: float = 2, narrow: float = 1) -> dict[int, int]:
    """Channels of a StyleGAN2 generator at each resolution from 4 to `size`."""
    wide = dict.fromkeys((4, 8, 16, 32), 512)
    tapered = {64 * 2**i: int(256 * multiplier) >> i for i in range(5)}
    return {res: int(c * narrow) for res, c in (wide | tapered).items() if res <= size}
