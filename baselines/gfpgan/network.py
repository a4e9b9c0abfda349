"""GFPGAN's "clean" architecture, that of the released models v1.2, v1.3 and v1.4 (Wang et al., CVPR 2021).

A U-Net reads the degraded face. Its bottleneck gives the latents of a StyleGAN2 decoder, and its upward
path gives maps that scale and shift half of the decoder's features at every level. Names, shapes and
figures are the official checkpoints' (baselines/layers/generative/stylegan2.py has the layers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.checks import expect_faces
from baselines.layers.generative.stylegan2 import (
    SLOPE,
    SQRT2,
    BilinearUpConv2d,
    ModulatedConv2d,
    PixelNorm,
    bilinear,
    decoder_channels,
)

LATENT = 512


class GFPGANOutput(NamedTuple):
    """What the network returns: the restored image, and the U-Net's own images, coarse to fine."""

    image: Tensor
    rgbs: list[Tensor]


class ResBlock(nn.Module):
    """Two convolutions with a bilinear resize between them, and a resized 1x1 shortcut."""

    def __init__(self, inputs: int, outputs: int, factor: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        out = F.leaky_relu_(self.conv1(x), SLOPE)
        out = F.leaky_relu_(self.conv2(bilinear(out, self.factor)), SLOPE)
        # a 1x1 convolution without bias and a resize may change places: the small image is mixed
        if self.factor > 1:
            return out + bilinear(self.skip(x), self.factor)
        return out + self.skip(bilinear(x, self.factor))


class StyleConv(nn.Module):
    """Modulated convolution times sqrt(2), weighted noise, bias, leaky ReLU (no gain after it)."""

    def __init__(self, inputs: int, outputs: int, upsample: bool = False) -> None:
        super().__init__()
        conv = BilinearUpConv2d if upsample else ModulatedConv2d
        self.modulated_conv = conv(inputs, outputs, 3, nn.Linear(LATENT, inputs))
        self.weight = nn.Parameter(torch.zeros(1))  # of the noise
        self.bias = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x: Tensor, latent: Tensor, noise: Tensor) -> Tensor:
        x = self.modulated_conv(x, latent, self.bias, SQRT2)
        return F.leaky_relu_(x.add_(self.weight * noise), SLOPE)


class ToRGB(nn.Module):
    """The features as colours, added to the enlarged image of the level before."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConv2d(inputs, 3, 1, nn.Linear(LATENT, inputs), demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, latent: Tensor, skip: Tensor | None = None) -> Tensor:
        rgb: Tensor = self.modulated_conv(x, latent, self.bias)
        return rgb if skip is None else rgb + bilinear(skip, 2)


class ConstantInput(nn.Module):
    """The learned 4 x 4 features that generation starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, channels, 4, 4))

    def forward(self, batch: int) -> Tensor:
        return self.weight.expand(batch, -1, -1, -1)


class StyleDecoder(nn.Module):
    """StyleGAN2 generator whose features take a spatial scale and shift between the convolutions of a level.

    `style_mlp` (from noise to latent) is in every checkpoint and never run: the U-Net gives the latents.
    """

    def __init__(self, channels: dict[int, int]) -> None:
        super().__init__()
        self.side = max(channels)
        layers: list[nn.Module] = [PixelNorm()]
        for _ in range(8):
            layers += [nn.Linear(LATENT, LATENT), nn.LeakyReLU(SLOPE)]
        self.style_mlp = nn.Sequential(*layers)
        self.constant_input = ConstantInput(channels[4])
        self.style_conv1 = StyleConv(channels[4], channels[4])
        self.to_rgb1 = ToRGB(channels[4])
        self.style_convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for size in sorted(channels)[1:]:
            self.style_convs.append(StyleConv(channels[size // 2], channels[size], upsample=True))
            self.style_convs.append(StyleConv(channels[size], channels[size]))
            self.to_rgbs.append(ToRGB(channels[size]))
        self.noises = nn.Module()
        for i, size in enumerate(noise_sizes(self.side)):
            self.noises.register_buffer(f"noise{i}", torch.randn(1, 1, size, size))

    def stored_noise(self) -> list[Tensor]:
        """The noise maps of the checkpoint, one a StyleConv, (1, 1, size, size)."""
        return [self.noises.get_buffer(f"noise{i}") for i in range(len(noise_sizes(self.side)))]

    def forward(
        self, latents: Tensor, scales: Sequence[Tensor], shifts: Sequence[Tensor], noise: Sequence[Tensor]
    ) -> Tensor:
        x = self.style_conv1(self.constant_input(len(latents)), latents[:, 0], noise[0])
        rgb: Tensor = self.to_rgb1(x, latents[:, 1])
        for level, (scale, shift) in enumerate(zip(scales, shifts, strict=True)):
            first = 2 * level + 1  # a level's image shares its latent with the next level's first layer
            x = self.style_convs[2 * level](x, latents[:, first], noise[first])
            kept, steered = x.chunk(2, dim=1)
            x = torch.cat([kept, torch.addcmul(shift, steered, scale)], dim=1)
            x = self.style_convs[2 * level + 1](x, latents[:, first + 1], noise[first + 1])
            rgb = self.to_rgbs[level](x, latents[:, first + 2], rgb)
        return rgb


def noise_sizes(side: int = 512) -> list[int]:
    """Sides of the noise maps, in the order in which the decoder uses them: 4, 8, 8, ... 512, 512."""
    return [4] + [2**level for level in range(3, side.bit_length()) for _ in range(2)]


def draw_noise(batch: int, side: int = 512, generator: torch.Generator | None = None) -> list[Tensor]:
    """Normal noise maps (batch, 1, size, size) in the order and shapes of the official random inference.

    They lie on the generator's device; without a generator torch's global CPU one is used.
    """
    device = torch.device("cpu") if generator is None else generator.device
    return [
        torch.randn(batch, 1, size, size, generator=generator, device=device) for size in noise_sizes(side)
    ]


class GFPGANClean(nn.Module):
    """GFPGAN v1.2, v1.3, v1.4. Input (B, 3, side, side), RGB in [-1, 1]; output likewise, not clamped.

    The published networks have side 512. `narrow` multiplies all channels but the latents'.
    """

    untrained_gain = 0.5
    """For random weights (`vfsrbench.weights.random_init`): 14 residual sums, 7 products in a row grow."""

    exact_layers = ("modulation",)
    """Run in float32 in either profile."""

    def __init__(self, side: int = 512, channel_multiplier: float = 2, narrow: float = 1) -> None:
        super().__init__()
        self.side = side
        decoder = decoder_channels(side, channel_multiplier, narrow)
        channels = {size: c // 2 for size, c in decoder.items()}
        sizes = sorted(channels)[1:]  # 8, 16, ... side
        self.conv_body_first = nn.Conv2d(3, channels[side], 1)
        self.conv_body_down = nn.ModuleList(
            ResBlock(channels[size], channels[size // 2], 0.5) for size in reversed(sizes)
        )
        self.final_conv = nn.Conv2d(channels[4], channels[4], 3, padding=1)
        self.final_linear = nn.Linear(channels[4] * 16, (2 * len(sizes) + 2) * LATENT)
        self.conv_body_up = nn.ModuleList(ResBlock(channels[s // 2], channels[s], 2) for s in sizes)
        self.toRGB = nn.ModuleList(nn.Conv2d(channels[size], 3, 1) for size in sizes)
        self.stylegan_decoder = StyleDecoder(decoder)
        self.condition_scale = nn.ModuleList(_condition(channels[size]) for size in sizes)
        self.condition_shift = nn.ModuleList(_condition(channels[size]) for size in sizes)

    def forward(
        self,
        x: Tensor,
        return_rgb: bool = False,
        randomize_noise: bool | None = None,
        weight: float | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> GFPGANOutput:
        """Restore faces.

        noise: the decoder's noise maps (see `draw_noise`). Without them the checkpoint's stored maps are
        used, or with randomize_noise fresh ones from torch's global CPU generator. `weight` is the argument
        that the official tool passes and its network ignores; that tool's call draws noise, so a call with
        `weight` does, too, unless randomize_noise says otherwise.
        """
        if randomize_noise is None:
            randomize_noise = weight is not None
        latents, features = self.encode(x)
        if noise is None:
            noise = draw_noise(len(x), self.side) if randomize_noise else self.stylegan_decoder.stored_noise()
        scales = [scale(f) for scale, f in zip(self.condition_scale, features, strict=True)]
        shifts = [shift(f) for shift, f in zip(self.condition_shift, features, strict=True)]
        image = self.stylegan_decoder(latents, scales, shifts, [n.to(x) for n in noise])
        rgbs = [rgb(f) for rgb, f in zip(self.toRGB, features, strict=True)] if return_rgb else []
        return GFPGANOutput(image, rgbs)

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The latents (B, 16, 512) and the U-Net's features at 8, 16, ... 512."""
        expect_faces(self, x, self.side)
        x = F.leaky_relu_(self.conv_body_first(x), SLOPE)
        skips = []
        for block in self.conv_body_down:
            x = block(x)
            skips.append(x)
        x = F.leaky_relu_(self.final_conv(x), SLOPE)
        latents = self.final_linear(x.flatten(1)).unflatten(1, (-1, LATENT))
        features = []
        for block, skip in zip(self.conv_body_up, reversed(skips), strict=True):
            x = block(x + skip)
            features.append(x)
        return latents, features


def _condition(channels: int) -> nn.Sequential:
    """Features to a map that scales or shifts as many of the decoder's channels."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
    )
