"""The UNet of FLAIR's bicubic x8 and x16 demos: SR3's, with gated temporal parts."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.flair.unet.layers import ClipNorm, PerFrame, ResBlock, TemporalAttention, conv2d, over_pixels
from baselines.flair.unet.recurrent import FlowsBySize, RecurrentEnhancement, level_flows
from baselines.layers.flow.spynet import SPyNet

INNER = 64
MULTIPLIERS = (1, 2, 4, 8, 16)
ATTENTION_FRAMES = 7
ATTENTION_LEVELS = (3, 4)
RECURRENT_LEVELS = (0, 1)
MAX_RESIDUE = 5.0
MIN_SIDE = 64  # of the features where the recurrent parts are


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

    def __init__(self, channels_in: int, channels: int, embedding: int) -> None:
        super().__init__()
        self.noise_func = NoiseLevel(embedding, channels)
        self.block1 = NormActConv(channels_in, channels)
        self.block2 = NormActConv(channels, channels)
        self.res_conv: nn.Module = nn.Identity()
        if channels_in != channels:
            self.res_conv = conv2d(channels_in, channels, kernel=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.block2(self.noise_func(self.block1(x), embedding)) + self.res_conv(x)


class Gated(nn.Module):
    """(1 - a) x + a module(x), with a in (0, 1) for each frame and channel from the noise embedding."""

    def __init__(self, module: nn.Module, channels: int, embedding: int) -> None:
        super().__init__()
        self.wrapped_module = module
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, channels))

    def forward(self, x: Tensor, embedding: Tensor, *arguments: object) -> Tensor:
        gate = over_pixels(torch.sigmoid(self.emb_layers(embedding)), x)
        return (1 - gate) * x + gate * self.wrapped_module(x, *arguments)


class Stage(nn.Module):
    """A spatial block, then the temporal parts: attention, or recurrence where there is a flow network."""

    def __init__(
        self, channels_in: int, channels: int, embedding: int, attends: bool, spynet: SPyNet | None
    ) -> None:
        super().__init__()
        self.res_block = SpatialBlock(channels_in, channels, embedding)
        mix = ResBlock(channels, channels, embedding, kernel=(3, 1, 1))
        self.conv_3d = Gated(mix, channels, embedding)
        self.temp_attn: Gated | None = None
        self.vsrpp: Gated | None = None
        if attends:
            attention = TemporalAttention(channels, ATTENTION_FRAMES)
            self.temp_attn = Gated(attention, channels, embedding)
        if spynet is not None:
            recurrence = RecurrentEnhancement(channels, MAX_RESIDUE, spynet)
            self.vsrpp = Gated(recurrence, channels, embedding)

    def forward(self, x: Tensor, embedding: Tensor, clip: _Clip) -> Tensor:
        x = self.res_block(x, embedding)
        if not clip.temporal:
            return x
        x = self.conv_3d(x, embedding, embedding)
        if self.temp_attn is not None:
            x = self.temp_attn(x, embedding)
        if self.vsrpp is not None:
            x = self.vsrpp(x, embedding, clip.flows[x.shape[-2:]], clip.weights)
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
    """One call's context: flows by size, weights of the recurrent parts."""

    def __init__(self, flows: FlowsBySize, weights: Tensor | float, temporal: bool) -> None:
        self.flows, self.weights, self.temporal = flows, weights, temporal


class BicubicUNet(nn.Module):
    """Predicts the noise in (b*n, 3, h, w) given the enlarged degraded frames (b, n, 3, h, w) in [-1, 1].

    Sides must be multiples of `multiple` (16) and at least `least` (128). The arguments, official by
    default, allow smaller networks. Facts: wustl-cig/FLAIR, guided_diffusion/sr3.py.
    """

    exact_layers = ("spynet", "noise_level_mlp", "final_conv")
    """Run in float32 in either profile."""

    def __init__(
        self,
        inner: int = INNER,
        multipliers: Sequence[int] = MULTIPLIERS,
        attention_levels: Collection[int] = ATTENTION_LEVELS,
        recurrent_levels: Collection[int] = RECURRENT_LEVELS,
        min_side: int = MIN_SIDE,
    ) -> None:
        super().__init__()
        self.inner, self.recurrent_levels = inner, tuple(recurrent_levels)
        self.multiple, self.least = 2 ** (len(multipliers) - 1), min_side << max(recurrent_levels)
        spynet = SPyNet()

        def stage(channels_in: int, channels: int, level: int) -> Stage:
            flow = spynet if level in recurrent_levels else None
            return Stage(channels_in, channels, inner, level in attention_levels, flow)

        self.noise_level_mlp = nn.Sequential(
            nn.Identity(), nn.Linear(inner, 4 * inner), nn.SiLU(), nn.Linear(4 * inner, inner)
        )
        self.downs = nn.ModuleList([conv2d(6, inner)])
        widths, channels = [inner], inner
        last = len(multipliers) - 1
        for level, multiplier in enumerate(multipliers):
            self.downs.append(stage(channels, inner * multiplier, level))
            channels = inner * multiplier
            widths.append(channels)
            if level < last:
                self.downs.append(PerFrame(Resize(channels, up=False)))
                widths.append(channels)
        self.mid = nn.ModuleList(stage(channels, channels, last) for _ in range(2))
        self.ups = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for _ in range(2):
                self.ups.append(stage(channels + widths.pop(), inner * multiplier, level))
                channels = inner * multiplier
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
        flows: FlowsBySize | None = None,
    ) -> Tensor:
        """`timesteps` (b*n,) is sqrt(alpha_bar), not an index; `rnn_input` (default: the low-resolution
        input) gives the flows; `vsrpp_weights` (b, n, 1, h, w) or a number is equation 5's weight. `flows`:
        what `flows_of` made of the same input, so that not every step of a walk has to."""
        self._check_sides(x, low_res_input)
        b, n = low_res_input.shape[:2]
        with torch.autocast(x.device.type, enabled=False):
            embedding = self.noise_level_mlp(_noise_code(timesteps, self.inner).to(x.dtype))
        if flows is None:
            frames = low_res_input if rnn_input is None else rnn_input
            flows = self.flows_of(frames, x.shape[-2:]) if enable_cross_frames else {}
        clip = _Clip(flows, vsrpp_weights, enable_cross_frames)
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
        with torch.autocast(x.device.type, enabled=False):
            return self.final_conv(h.to(x.dtype)).flatten(0, 1)

    def flows_of(self, frames: Tensor, size: Sequence[int]) -> FlowsBySize:
        """The flows of (b, n, 3, h, w) frames that a call for pictures of `size` needs."""
        known: FlowsBySize = {}
        for level in self.recurrent_levels:
            small = (size[0] >> level, size[1] >> level)
            resized = F.interpolate(
                frames.flatten(0, 1), small, mode="bilinear", align_corners=False, antialias=True
            )
            known[small] = level_flows(self._spynet[0], resized.view(*frames.shape[:3], *small))
        return known

    def _check_sides(self, x: Tensor, low_res_input: Tensor) -> None:
        height, width = x.shape[-2:]
        if height % self.multiple or width % self.multiple or min(height, width) < self.least:
            raise ValueError(
                f"sides must be multiples of {self.multiple} and at least {self.least}, got {height}x{width}"
            )
        if low_res_input.shape[-2:] != x.shape[-2:]:
            given = tuple(low_res_input.shape[-2:])
            raise ValueError(f"low_res_input is {given}, expected {height}x{width}")


def _noise_code(level: Tensor, width: int) -> Tensor:
    """Sines, then cosines, of the noise level (SR3's code, without its factor of 5000)."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=level.device) / half
    angles = level.float()[:, None] * torch.exp(-math.log(1e4) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
