"""GPEN's full generator (Yang et al., "GAN Prior Embedded Network", CVPR 2021).

Plain convolutions carry the degraded face down to 4 x 4. That bottleneck gives one latent for the whole
StyleGAN2 decoder, and every encoder feature takes the place of the decoder's noise at its size: it is
concatenated to the convolution's result, so that all later layers have twice the inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.generative.stylegan2 import (
    SLOPE,
    SQRT2,
    Blur,
    BlurUpConv2d,
    BlurUpsample,
    EqualConv2d,
    EqualLinear,
    FusedLeakyReLU,
    ModulatedConv2d,
    PixelNorm,
    decoder_channels,
)


class GPENOutput(NamedTuple):
    """What the network returns: the restored image, and the latent (B, 512) that the decoder got."""

    image: Tensor
    latent: Tensor


class FeatureWeight(nn.Module):
    """The learned factor of the encoder feature (the place of StyleGAN2's noise strength)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, feature: Tensor) -> Tensor:
        return self.weight * feature


class StyledConv(nn.Module):
    """Modulated convolution, the weighted encoder feature concatenated, bias, leaky ReLU, sqrt(2)."""

    def __init__(self, inputs: int, outputs: int, latent: int, upsample: bool = False) -> None:
        super().__init__()
        conv = BlurUpConv2d if upsample else ModulatedConv2d
        self.conv = conv(inputs, outputs, 3, EqualLinear(latent, inputs), gain=1 / math.sqrt(9 * inputs))
        self.noise = FeatureWeight()
        self.activate = FusedLeakyReLU(2 * outputs)

    def forward(self, x: Tensor, latent: Tensor, feature: Tensor) -> Tensor:
        # sqrt(2) moves inside the leaky ReLU and the bias into each half: fewer passes over large maps
        bias = (self.activate.bias * SQRT2).view(1, -1, 1, 1)
        own, given = bias.chunk(2, dim=1)
        x = self.conv(x, latent, own, SQRT2)
        feature = torch.addcmul(given, feature, self.noise.weight, value=SQRT2)
        return F.leaky_relu_(torch.cat([x, feature], dim=1), SLOPE)


class ToRGB(nn.Module):
    """The features as colours, added to the enlarged image of the level before."""

    def __init__(self, inputs: int, latent: int, upsample: bool = True) -> None:
        super().__init__()
        if upsample:
            self.upsample = BlurUpsample()
        self.conv = ModulatedConv2d(
            inputs, 3, 1, EqualLinear(latent, inputs), gain=1 / math.sqrt(inputs), demodulate=False
        )
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, latent: Tensor, skip: Tensor | None = None) -> Tensor:
        rgb: Tensor = self.conv(x, latent, self.bias)
        return rgb if skip is None else rgb + self.upsample(skip)


class ConstantInput(nn.Module):
    """The learned 4 x 4 features that generation starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.input.expand(batch, -1, -1, -1)


class Decoder(nn.Module):
    """The StyleGAN2 generator fed with encoder features; one latent serves all its layers."""

    def __init__(self, latent: int, mlp_layers: int, mlp_lr: float, channels: dict[int, int]) -> None:
        super().__init__()
        self.style = nn.Sequential(
            PixelNorm(), *(EqualLinear(latent, latent, mlp_lr, activate=True) for _ in range(mlp_layers))
        )
        self.input = ConstantInput(channels[4])
        self.conv1 = StyledConv(channels[4], channels[4], latent)
        self.to_rgb1 = ToRGB(2 * channels[4], latent, upsample=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for res in sorted(channels)[1:]:
            self.convs.append(StyledConv(2 * channels[res // 2], channels[res], latent, upsample=True))
            self.convs.append(StyledConv(2 * channels[res], channels[res], latent))
            self.to_rgbs.append(ToRGB(2 * channels[res], latent))

    def forward(self, latent: Tensor, features: Sequence[Tensor]) -> Tensor:
        """latent (B, D) after the style MLP; features at 4, 8, ... side -> image (B, 3, side, side)."""
        x = self.conv1(self.input(len(latent)), latent, features[0])
        rgb: Tensor = self.to_rgb1(x, latent)
        for level, feature in enumerate(features[1:]):
            x = self.convs[2 * level](x, latent, feature)
            x = self.convs[2 * level + 1](x, latent, feature)
            rgb = self.to_rgbs[level](x, latent, rgb)
        return rgb


class GPEN(nn.Module):
    """GPEN-BFR-512; with side 256, channel_multiplier 1 and narrow 0.5 it is GPEN-BFR-256.

    Input (B, 3, side, side), RGB in [-1, 1]; output likewise, not clamped.
    """

    def __init__(
        self,
        side: int = 512,
        style_dim: int = 512,
        n_mlp: int = 8,
        channel_multiplier: float = 2,
        narrow: float = 1,
        lr_mlp: float = 0.01,
    ) -> None:
        super().__init__()
        channels = decoder_channels(side, channel_multiplier, narrow)
        self.side = side
        self.depth = len(channels)
        self.generator = Decoder(style_dim, n_mlp, lr_mlp, channels)
        self.ecd0 = nn.Sequential(
            nn.Sequential(EqualConv2d(3, channels[side], 1), FusedLeakyReLU(channels[side]))
        )
        for level in range(1, self.depth):
            wide, narrower = channels[side >> level], channels[side >> (level - 1)]
            self.add_module(f"ecd{level}", nn.Sequential(_down(narrower, wide)))
        self.final_linear = nn.Sequential(EqualLinear(channels[4] * 16, style_dim, activate=True))

    def forward(
        self,
        inputs: Tensor | None = None,
        *,
        w: Tensor | None = None,
        z: Tensor | None = None,
        **features: Tensor,
    ) -> GPENOutput | Tensor:
        """Restore the faces `inputs`. Two parts can also be run by themselves:

        with `z` (B, 512) the style MLP alone, which returns the latent; with `w` (B, 512) and the features
        f4, f8, ... f512 the decoder alone, which skips the style MLP and returns the image.
        """
        if z is not None:
            return self.generator.style(z)
        if w is not None:
            return self.generator(w, [features[f"f{4 << level}"] for level in range(self.depth)])
        if inputs is None:
            raise TypeError("GPEN needs an image (`inputs`), a latent (`w`) with features, or noise (`z`)")
        encoded = self.encode(inputs)
        latent = self.generator.style(self.final_linear(encoded[0].flatten(1)))
        return GPENOutput(self.generator(latent, encoded), latent)

    def encode(self, x: Tensor) -> list[Tensor]:
        """The encoder's features at 4, 8, ... side."""
        expect_faces(self, x, self.side)
        features: list[Tensor] = []
        for level in range(self.depth):
            x = self.get_submodule(f"ecd{level}")(x)
            features.insert(0, x)
        return features


def _down(inputs: int, outputs: int) -> nn.Sequential:
    """Half the size: blur, then a 3x3 convolution of stride 2."""
    return nn.Sequential(Blur(padding=2), EqualConv2d(inputs, outputs, 3, stride=2), FusedLeakyReLU(outputs))
