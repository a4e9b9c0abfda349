"""The shared StyleGAN2 layers against their definitions, written out."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.generative import stylegan2
from baselines.layers.generative.stylegan2 import BilinearUpConv2d, BlurUpConv2d, ModulatedConv2d


def zero_insert(x: Tensor) -> Tensor:
    out = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    out[..., ::2, ::2] = x
    return out


def filter_each(x: Tensor, gain: float, before: int, after: int) -> Tensor:
    """The binomial kernel by sums over shifted pictures."""
    x = F.pad(x, (before, after, before, after))
    height, width = x.shape[2] - 3, x.shape[3] - 3
    taps = (1, 3, 3, 1)
    return (gain / 64) * sum(
        a * b * x[..., i : i + height, j : j + width] for i, a in enumerate(taps) for j, b in enumerate(taps)
    )


def plain_modulated(conv: ModulatedConv2d, x: Tensor, latent: Tensor) -> Tensor:
    """One sample after the other, each with weights of its own."""
    outputs = []
    for sample, style in zip(x, conv.modulation(latent), strict=True):
        weight = conv.gain * conv.weight[0] * style[:, None, None]
        if conv.demodulate:
            weight = weight / torch.sqrt(weight.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        picture = sample[None]
        if isinstance(conv, BlurUpConv2d):
            # the zeros between the pixels, seen by the mirrored kernel: a transposed convolution
            spread = F.conv2d(F.pad(zero_insert(picture), (2, 1, 2, 1)), weight.flip(2, 3))
            outputs.append(filter_each(spread, 4.0, 1, 1))
            continue
        if isinstance(conv, BilinearUpConv2d):
            picture = F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
        outputs.append(F.conv2d(picture, weight, padding=weight.shape[-1] // 2))
    return torch.cat(outputs)


@pytest.mark.parametrize("kind", [ModulatedConv2d, BilinearUpConv2d, BlurUpConv2d])
@pytest.mark.parametrize("gain", [1.0, 0.07])
def test_scaling_in_and_out_is_scaling_the_weights(kind: type[ModulatedConv2d], gain: float) -> None:
    torch.manual_seed(0)
    conv = kind(5, 7, 3, nn.Linear(4, 5), gain=gain).double()
    x, latent, bias = torch.randn(3, 5, 6, 8).double(), torch.randn(3, 4).double(), torch.randn(1, 7, 1, 1)
    out = conv(x, latent, bias.double(), 1.5)
    torch.testing.assert_close(out, 1.5 * plain_modulated(conv, x, latent) + bias.double())


def test_rgb_is_modulated_but_not_demodulated() -> None:
    torch.manual_seed(0)
    conv = ModulatedConv2d(5, 3, 1, nn.Linear(4, 5), gain=0.5, demodulate=False).double()
    x, latent, bias = torch.randn(2, 5, 6, 8).double(), torch.randn(2, 4).double(), torch.ones(1, 3, 1, 1)
    torch.testing.assert_close(conv(x, latent, bias.double()), plain_modulated(conv, x, latent) + 1)


def test_blur_and_enlargement_are_the_binomial_filter() -> None:
    x = torch.randn(2, 3, 5, 6)
    torch.testing.assert_close(stylegan2.Blur(2)(x), filter_each(x, 1.0, 2, 2))
    torch.testing.assert_close(stylegan2.BlurUpsample()(x), filter_each(zero_insert(x), 4.0, 2, 1))


def test_equal_layers_scale_their_weights() -> None:
    x = torch.randn(2, 6)
    linear = stylegan2.EqualLinear(6, 4, lr_mul=0.01, activate=True)
    nn.init.normal_(linear.bias)
    plain = x @ linear.weight.t() * 0.01 / math.sqrt(6) + 0.01 * linear.bias
    torch.testing.assert_close(linear(x), F.leaky_relu(plain, 0.2) * math.sqrt(2))
    conv = stylegan2.EqualConv2d(3, 4, 3)
    picture = torch.randn(1, 3, 5, 5)
    torch.testing.assert_close(conv(picture), F.conv2d(picture, conv.weight) / math.sqrt(27))


def test_fused_activation_leaves_its_input_alone() -> None:
    act = stylegan2.FusedLeakyReLU(3)
    nn.init.constant_(act.bias, 0.5)
    x = torch.full((1, 3, 2, 2), -1.0)
    torch.testing.assert_close(act(x), torch.full((1, 3, 2, 2), -0.5 * 0.2 * math.sqrt(2)))
    assert torch.equal(x, torch.full((1, 3, 2, 2), -1.0))


def test_channels_taper_from_64_pixels_on() -> None:
    assert stylegan2.decoder_channels(512) == {
        **dict.fromkeys((4, 8, 16, 32, 64), 512), 128: 256, 256: 128, 512: 64,
    }  # fmt: skip
    assert stylegan2.decoder_channels(128, 1, 0.5) == {4: 256, 8: 256, 16: 256, 32: 256, 64: 128, 128: 64}
