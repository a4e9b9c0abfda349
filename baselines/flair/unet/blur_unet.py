"""The UNet of FLAIR's Gaussian and JPEG demos: guided-diffusion's, with temporal parts in its stream."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.flair.unet.layers import ClipNorm, ResBlock, TemporalAttention, conv2d, head_count, sinusoids
from baselines.flair.unet.recurrent import FlowsBySize, RecurrentEnhancement, level_flows
from baselines.layers.flow.spynet import SPyNet

MODEL = 128
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
    """Self-attention over a frame's pixels. A `bottleneck` of that width adds the time embedding before the
    projection."""

    def __init__(self, channels: int, bottleneck: int = 0) -> None:
        super().__init__()
        self.heads = head_count(channels)
        self.bottleneck = bottleneck
        if bottleneck:
            self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(bottleneck, channels))
        self.norm = ClipNorm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        b, n, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).reshape(b * n, c, h * w))
        # each head has its q, k and v next to each other
        q, k, v = qkv.view(b * n, self.heads, 3, c // self.heads, h * w).transpose(-1, -2).unbind(2)
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

    def __init__(self, flows: FlowsBySize, weights: Tensor | float, temporal: bool) -> None:
        self.flows, self.weights, self.temporal = flows, weights, temporal


def _stage(
    channels_in: int, channels: int, embedding: int, attends: bool = False, recurs: bool = False
) -> list[nn.Module]:
    layers: list[nn.Module] = [
        ResBlock(channels_in, channels, embedding, scale_shift=True),
        Temporal(ResBlock(channels, channels, embedding, kernel=(3, 3, 3), scale_shift=True)),
    ]
    if attends:
        layers += [SpatialAttention(channels), Temporal(TemporalAttention(channels, ATTENTION_FRAMES))]
    if recurs:
        layers.append(Temporal(RecurrentEnhancement(channels, MAX_RESIDUE)))
    return layers


class BlurUNet(nn.Module):
    """(b*n, 3, h, w) and the enlarged degraded frames (b, n, 3, h, w) in [-1, 1] -> (b*n, 6, h, w).

    The first three channels are the noise, the last three its variance, which the sampler does not use.
    Sides must be multiples of `multiple` (64). The arguments, official by default, allow smaller networks.
    Facts: wustl-cig/FLAIR, guided_diffusion/unet_new.py.
    """

    exact_layers = ("spynet", "time_embed", "out")
    """Run in float32 in either profile."""

    def __init__(
        self,
        model: int = MODEL,
        multipliers: Sequence[float] = MULTIPLIERS,
        blocks: int = BLOCKS,
        attention_levels: Collection[int] = ATTENTION_LEVELS,
        recurrent_levels: Collection[int] = RECURRENT_LEVELS,
    ) -> None:
        super().__init__()
        self.model, self.recurrent_levels = model, tuple(recurrent_levels)
        self.multiple = self.least = 2 ** (len(multipliers) - 1)
        embedding = 4 * model

        def stage(channels_in: int, channels: int, level: int) -> list[nn.Module]:
            parts = level in attention_levels, level in recurrent_levels
            return _stage(channels_in, channels, embedding, *parts)

        def resized(channels: int, resize: str) -> ResBlock:
            return ResBlock(channels, channels, embedding, scale_shift=True, resize=resize)

        channels = int(model * multipliers[0])
        self.time_embed = nn.Sequential(
            nn.Linear(model, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.spynet = SPyNet()
        self.input_blocks = nn.ModuleList([Entry(conv2d(6, channels))])
        widths = [channels]
        last = len(multipliers) - 1
        for level, multiplier in enumerate(multipliers):
            for _ in range(blocks):
                self.input_blocks.append(Entry(*stage(channels, int(model * multiplier), level)))
                channels = int(model * multiplier)
                widths.append(channels)
            if level < last:
                self.input_blocks.append(Entry(resized(channels, "down")))
                widths.append(channels)
        self.middle_block = Entry(
            *_stage(channels, channels, embedding),
            SpatialAttention(channels, bottleneck=embedding),
            Temporal(TemporalAttention(channels, ATTENTION_FRAMES)),
            *_stage(channels, channels, embedding),
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for i in range(blocks + 1):
                layers = stage(channels + widths.pop(), int(model * multiplier), level)
                channels = int(model * multiplier)
                if level and i == blocks:
                    layers.append(resized(channels, "up"))
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
        flows: FlowsBySize | None = None,
    ) -> Tensor:
        """`timesteps` (b*n,) is the original step index, 0 to 999; see BicubicUNet for the others."""
        height, width = x.shape[-2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"sides must be multiples of {self.multiple}, got {height}x{width}")
        b, n = low_res_input.shape[:2]
        with torch.autocast(x.device.type, enabled=False):
            embedding = self.time_embed(sinusoids(timesteps, self.model).to(x.dtype))
        if flows is None:
            frames = low_res_input if rnn_input is None else rnn_input
            flows = self.flows_of(frames, (height, width)) if enable_cross_frames else {}
        clip = _Clip(flows, vsrpp_weights, enable_cross_frames)
        h = torch.cat([x.view(b, n, *x.shape[1:]), low_res_input], dim=2)
        skips: list[Tensor] = []
        for entry in self.input_blocks:
            h = entry(h, embedding, clip)
            skips.append(h)
        h = self.middle_block(h, embedding, clip)
        for entry in self.output_blocks:
            h = entry(torch.cat([h, skips.pop()], dim=2), embedding, clip)
        with torch.autocast(x.device.type, enabled=False):
            return self.out(h.to(x.dtype)).flatten(0, 1)

    def flows_of(self, frames: Tensor, size: Sequence[int]) -> FlowsBySize:
        """The flows of (b, n, 3, h, w) frames that a call for pictures of `size` needs."""
        known: FlowsBySize = {}
        for level in self.recurrent_levels:
            small = (size[0] >> level, size[1] >> level)
            resized = F.interpolate(frames.flatten(0, 1), small, mode="bicubic", align_corners=False)
            known[small] = level_flows(self.spynet, resized.view(*frames.shape[:3], *small))
        return known
