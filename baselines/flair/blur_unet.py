"""The UNet of FLAIR's Gaussian and JPEG demos: guided-diffusion's, with temporal parts in its stream."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.flair.layers import (
    HEAD_WIDTH,
    ClipNorm,
    ResBlock,
    TemporalAttention,
    conv2d,
    sinusoids,
)
from baselines.flair.recurrent import Flows, RecurrentEnhancement, level_flows
from baselines.layers.spynet import SPyNet

MODEL = 128
EMBEDDING = 4 * MODEL
MULTIPLIERS = (0.5, 1, 1, 2, 2, 4, 4)
BLOCKS = 2
ATTENTION_LEVELS = (4, 5, 6)
RECURRENT_LEVELS = (0, 1)
ATTENTION_FRAMES = 5
MAX_RESIDUE = 10.0


class Temporal(nn.Module):
    """Holds a temporal module under the name that the checkpoints give it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.wrapped_module = module

    def forward(self, *arguments: object) -> Tensor:
        return self.wrapped_module(*arguments)


class SpatialAttention(nn.Module):
    """Self-attention over a frame's pixels; `bottleneck` adds the time embedding before the projection."""

    def __init__(self, channels: int, bottleneck: bool = False) -> None:
        super().__init__()
        self.heads = channels // HEAD_WIDTH
        if bottleneck:
            self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(EMBEDDING, channels))
        self.bottleneck = bottleneck
        self.norm = ClipNorm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        b, n, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b * n, c, h * w))
        # each head has its q, k and v next to each other
        q, k, v = qkv.view(b * n, self.heads, 3, HEAD_WIDTH, h * w).transpose(-1, -2).unbind(2)
        out = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(b * n, c, h * w)
        if self.bottleneck:
            out = out + self.emb_layers(embedding).to(out.dtype)[..., None]
        return x + self.proj_out(out).view(b, n, c, h, w)


class Entry(nn.Sequential):
    """Modules in a row, each fed what it takes."""

    def forward(self, x: Tensor, embedding: Tensor, clip: _Clip) -> Tensor:  # type: ignore[override]
        for layer in self:
            if isinstance(layer, Temporal):
                if clip.temporal:
                    x = _temporal(layer, x, embedding, clip)
            elif isinstance(layer, ResBlock | SpatialAttention):
                x = layer(x, embedding)
            else:
                x = layer(x)
        return x


def _temporal(layer: Temporal, x: Tensor, embedding: Tensor, clip: _Clip) -> Tensor:
    if isinstance(layer.wrapped_module, ResBlock):
        return layer(x, embedding)
    if isinstance(layer.wrapped_module, RecurrentEnhancement):
        return layer(x, clip.flows[x.shape[-2:]], clip.weights)
    return layer(x)


class _Clip:
    """One call's context: flows by size, weights of the recurrent parts."""

    def __init__(self, flows: dict[tuple[int, ...], Flows], weights: Tensor | float, temporal: bool) -> None:
        self.flows, self.weights, self.temporal = flows, weights, temporal


def _stage(channels_in: int, channels: int, level: int) -> list[nn.Module]:
    layers: list[nn.Module] = [
        ResBlock(channels_in, channels, EMBEDDING, scale_shift=True),
        Temporal(ResBlock(channels, channels, EMBEDDING, kernel=(3, 3, 3), scale_shift=True)),
    ]
    if level in ATTENTION_LEVELS:
        layers += [SpatialAttention(channels), Temporal(TemporalAttention(channels, ATTENTION_FRAMES))]
    if level in RECURRENT_LEVELS:
        layers.append(Temporal(RecurrentEnhancement(channels, MAX_RESIDUE)))
    return layers


def _resize(channels: int, resize: str) -> ResBlock:
    return ResBlock(channels, channels, EMBEDDING, scale_shift=True, resize=resize)


class BlurUNet(nn.Module):
    """(b*n, 3, h, w) and the enlarged degraded frames (b, n, 3, h, w) in [-1, 1] -> (b*n, 6, h, w).

    The first three channels are the noise, the last three its variance, which the sampler does not use.
    Sides must be multiples of 64. Facts: wustl-cig/FLAIR, guided_diffusion/unet_new.py.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = int(MODEL * MULTIPLIERS[0])
        self.time_embed = nn.Sequential(
            nn.Linear(MODEL, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING)
        )
        self.spynet = SPyNet()
        self.input_blocks = nn.ModuleList([Entry(conv2d(6, channels))])
        widths = [channels]
        last = len(MULTIPLIERS) - 1
        for level, multiplier in enumerate(MULTIPLIERS):
            for _ in range(BLOCKS):
                self.input_blocks.append(Entry(*_stage(channels, int(MODEL * multiplier), level)))
                channels = int(MODEL * multiplier)
                widths.append(channels)
            if level < last:
                self.input_blocks.append(Entry(_resize(channels, "down")))
                widths.append(channels)
        self.middle_block = Entry(
            *_stage(channels, channels, -1),
            SpatialAttention(channels, bottleneck=True),
            Temporal(TemporalAttention(channels, ATTENTION_FRAMES)),
            *_stage(channels, channels, -1),
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(MULTIPLIERS))):
            for i in range(BLOCKS + 1):
                layers = _stage(channels + widths.pop(), int(MODEL * multiplier), level)
                channels = int(MODEL * multiplier)
                if level and i == BLOCKS:
                    layers.append(_resize(channels, "up"))
                self.output_blocks.append(Entry(*layers))
        self.out = nn.Sequential(ClipNorm(channels), nn.SiLU(), conv2d(channels, 6))

    def forward(
        self,
        x: Tensor,
        timesteps: Tensor,
        low_res_input: Tensor,
        vsrpp_weights: Tensor | float = 1.0,
        rnn_input: Tensor | None = None,
        enable_cross_frames: bool = True,
    ) -> Tensor:
        """`timesteps` (b*n,) is the original step index, 0 to 999; see BicubicUNet for the others."""
        height, width = x.shape[-2:]
        if height % 64 or width % 64:
            raise ValueError(f"sides must be multiples of 64, got {height}x{width}")
        b, n = low_res_input.shape[:2]
        embedding = self.time_embed(sinusoids(timesteps, MODEL).to(x.dtype))
        frames = low_res_input if rnn_input is None else rnn_input
        flows = self._flows(frames, (height, width)) if enable_cross_frames else {}
        clip = _Clip(flows, vsrpp_weights, enable_cross_frames)
        h = torch.cat([x.view(b, n, *x.shape[1:]), low_res_input], dim=2)
        skips: list[Tensor] = []
        for entry in self.input_blocks:
            h = entry(h, embedding, clip)
            skips.append(h)
        h = self.middle_block(h, embedding, clip)
        for entry in self.output_blocks:
            h = entry(torch.cat([h, skips.pop()], dim=2), embedding, clip)
        return self.out(h).flatten(0, 1)

    def _flows(self, frames: Tensor, size: tuple[int, int]) -> dict[tuple[int, ...], Flows]:
        """Flows at the full and half size, where the recurrent parts are."""
        known: dict[tuple[int, ...], Flows] = {}
        for level in RECURRENT_LEVELS:
            small = (size[0] >> level, size[1] >> level)
            resized = F.interpolate(frames.flatten(0, 1), small, mode="bicubic", align_corners=False)
            known[small] = level_flows(self.spynet, resized.view(*frames.shape[:3], *small))
        return known
