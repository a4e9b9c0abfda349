"""The UNet of FLAIR's bicubic x8 and x16 demos: SR3's, with gated temporal parts."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.flair.layers import ClipNorm, PerFrame, ResBlock, TemporalAttention, conv2d, over_pixels
from baselines.flair.recurrent import Flows, RecurrentEnhancement, level_flows
from baselines.layers.spynet import SPyNet

INNER = 64
MULTIPLIERS = (1, 2, 4, 8, 16)
ATTENTION_FRAMES = 7
ATTENTION_LEVELS = (3, 4)
RECURRENT_LEVELS = (0, 1)
MAX_RESIDUE = 5.0
MIN_SIDE = 64


class NormActConv(nn.Module):
    """Group normalization, SiLU, 3x3 convolution."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            ClipNorm(channels_in, groups=16), nn.SiLU(), nn.Identity(), conv2d(channels_in, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class NoiseLevel(nn.Module):
    """Adds a linear map of the noise embedding to every pixel."""

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.noise_func = nn.Sequential(nn.Linear(embedding, channels))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return x + over_pixels(self.noise_func(embedding), x)


class SpatialBlock(nn.Module):
    """SR3's residual block, frame by frame but for its normalizations."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.noise_func = NoiseLevel(INNER, channels)
        self.block1 = NormActConv(channels_in, channels)
        self.block2 = NormActConv(channels, channels)
        self.res_conv: nn.Module = nn.Identity()
        if channels_in != channels:
            self.res_conv = conv2d(channels_in, channels, kernel=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.block2(self.noise_func(self.block1(x), embedding)) + self.res_conv(x)


class Gated(nn.Module):
    """(1 - a) x + a module(x), with a in (0, 1) for each frame and channel from the noise embedding."""

    def __init__(self, module: nn.Module, channels: int) -> None:
        super().__init__()
        self.wrapped_module = module
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(INNER, channels))

    def forward(self, x: Tensor, embedding: Tensor, *arguments: object) -> Tensor:
        gate = over_pixels(torch.sigmoid(self.emb_layers(embedding)), x)
        return (1 - gate) * x + gate * self.wrapped_module(x, *arguments)


class Stage(nn.Module):
    """A spatial block, then the temporal parts that its level has."""

    def __init__(self, channels_in: int, channels: int, level: int, spynet: SPyNet | None) -> None:
        super().__init__()
        self.res_block = SpatialBlock(channels_in, channels)
        self.conv_3d = Gated(ResBlock(channels, channels, INNER, kernel=(3, 1, 1)), channels)
        self.temp_attn: Gated | None = None
        self.vsrpp: Gated | None = None
        if level in ATTENTION_LEVELS:
            self.temp_attn = Gated(TemporalAttention(channels, ATTENTION_FRAMES), channels)
        if level in RECURRENT_LEVELS:
            self.vsrpp = Gated(RecurrentEnhancement(channels, MAX_RESIDUE, spynet), channels)

    def forward(self, x: Tensor, embedding: Tensor, clip: _Clip) -> Tensor:
        x = self.res_block(x, embedding)
        if not clip.temporal:
            return x
        x = self.conv_3d(x, embedding, embedding)
        if self.temp_attn is not None:
            x = self.temp_attn(x, embedding)
        if self.vsrpp is not None:
            x = self.vsrpp(x, embedding, clip.flows(x.shape[-2:]), clip.weights)
        return x


class Resize(nn.Module):
    """Half the size by a strided convolution, or twice the size by repetition and a convolution."""

    def __init__(self, channels: int, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(channels, channels, 3, stride=1 if up else 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        return self.conv(x)


class _Clip:
    """One call's context: the flows of each size, computed once for all blocks of that size."""

    def __init__(self, spynet: SPyNet, frames: Tensor, weights: Tensor | float, temporal: bool) -> None:
        self.spynet, self.frames, self.weights, self.temporal = spynet, frames, weights, temporal
        self._known: dict[tuple[int, ...], Flows] = {}

    def flows(self, size: tuple[int, ...]) -> Flows:
        if size not in self._known:
            frames = self.frames.flatten(0, 1)
            frames = F.interpolate(frames, size, mode="bilinear", align_corners=False, antialias=True)
            self._known[size] = level_flows(self.spynet, frames.view(*self.frames.shape[:3], *size))
        return self._known[size]


class BicubicUNet(nn.Module):
    """Predicts the noise in (b*n, 3, h, w) given the enlarged degraded frames (b, n, 3, h, w) in [-1, 1].

    Sides must be multiples of 16 and at least 128. Facts: wustl-cig/FLAIR, guided_diffusion/sr3.py.
    """

    def __init__(self) -> None:
        super().__init__()
        spynet = SPyNet()
        self.noise_level_mlp = nn.Sequential(
            nn.Identity(), nn.Linear(INNER, 4 * INNER), nn.SiLU(), nn.Linear(4 * INNER, INNER)
        )
        self.downs = nn.ModuleList([conv2d(6, INNER)])
        widths, channels = [INNER], INNER
        last = len(MULTIPLIERS) - 1
        for level, multiplier in enumerate(MULTIPLIERS):
            self.downs.append(Stage(channels, INNER * multiplier, level, spynet))
            channels = INNER * multiplier
            widths.append(channels)
            if level < last:
                self.downs.append(PerFrame(Resize(channels, up=False)))
                widths.append(channels)
        self.mid = nn.ModuleList(Stage(channels, channels, last, spynet) for _ in range(2))
        self.ups = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(MULTIPLIERS))):
            for _ in range(2):
                self.ups.append(Stage(channels + widths.pop(), INNER * multiplier, level, spynet))
                channels = INNER * multiplier
            if level > 0:
                self.ups.append(PerFrame(Resize(channels, up=True)))
        self.final_conv = NormActConv(channels, 3)
        self._spynet = [spynet]  # not registered here: the checkpoint lists it under each block

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        low_res_input: Tensor,
        vsrpp_weights: Tensor | float = 1.0,
        rnn_input: Tensor | None = None,
        enable_cross_frames: bool = True,
    ) -> Tensor:
        """`timesteps` (b*n,) is sqrt(alpha_bar), not an index; `rnn_input` (default: the low-resolution
        input) gives the flows; `vsrpp_weights` (b, n, 1, h, w) or a number is equation 5's weight."""
        _check_sides(x, low_res_input)
        b, n = low_res_input.shape[:2]
        embedding = self.noise_level_mlp(_noise_code(timesteps).to(x.dtype))
        frames = low_res_input if rnn_input is None else rnn_input
        clip = _Clip(self._spynet[0], frames, vsrpp_weights, enable_cross_frames)
        h = torch.cat([low_res_input, x.view(b, n, *x.shape[1:])], dim=2)
        skips: list[Tensor] = []
        for layer in self.downs:
            h = layer(h, embedding, clip) if isinstance(layer, Stage) else layer(h)
            skips.append(h)
        for layer in self.mid:
            h = layer(h, embedding, clip)
        for layer in self.ups:
            if isinstance(layer, Stage):
                h = layer(torch.cat([h, skips.pop()], dim=2), embedding, clip)
            else:
                h = layer(h)
        return self.final_conv(h).flatten(0, 1)


def _noise_code(level: Tensor) -> Tensor:
    """Sines, then cosines, of the noise level (SR3's code, without its factor of 5000)."""
    half = INNER // 2
    steps = torch.arange(half, dtype=torch.float32, device=level.device) / half
    angles = level.float()[:, None] * torch.exp(-math.log(1e4) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def _check_sides(x: Tensor, low_res_input: Tensor) -> None:
    height, width = x.shape[-2:]
    if height % 16 or width % 16 or min(height, width) < 2 * MIN_SIDE:
        raise ValueError(f"sides must be multiples of 16 and at least 128, got {height}x{width}")
    if low_res_input.shape[-2:] != x.shape[-2:]:
        raise ValueError(f"low_res_input is {tuple(low_res_input.shape[-2:])}, expected {height}x{width}")
