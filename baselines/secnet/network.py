"""SECNet, LFFNet and ERFFNet: local frame fusion, recurrent frame fusion, sequential feature encoding.

What the paper's text here does not fix was chosen so that the parameter counts come near the published
ones; their differences give the parts: motion 2.60 M, local fusion 0.78 M, encoder-decoder 1.95 M. Chosen:
the motion estimator; 64 channels everywhere; six residual blocks in the local fusion and pixel-shuffle
enlargement; two convolutions a scale in the encoder-decoder and concatenated skips; half of the residual
blocks before the sequential encoding and half after it; the bicubic base with the subsampling's phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.flow.warp import flow_warp
from baselines.layers.residual import PixelShufflePack, ResidualBlockNoBN
from baselines.secnet.blocks import AttentiveBlock
from baselines.secnet.motion import MotionNet
from baselines.secnet.sequence import SequentialEncoding, State
from baselines.secnet.upsample import SCALE, PhasedBicubic


@dataclass(frozen=True)
class Memory:
    """What one frame leaves to the next: previous outputs (latest first), features, the cell's state."""

    outputs: tuple[Tensor, ...] = ()
    features: list[Tensor] = field(default_factory=list)
    state: State | None = None

    def detach(self) -> Memory:
        """The same values without their history."""
        state = None if self.state is None else (self.state[0].detach(), self.state[1].detach())
        return Memory(tuple(o.detach() for o in self.outputs), [f.detach() for f in self.features], state)


@dataclass(frozen=True)
class Step:
    """One frame's results: output and initial estimate (n, 3, 4h, 4w), flows to the neighbours
    (n, 2T+1, 2, h, w) and the neighbours warped by them (n, 2T+1, 3, h, w), and what is remembered."""

    output: Tensor
    initial: Tensor
    flows: Tensor
    warped: Tensor
    memory: Memory


class LocalFusion(nn.Module):
    """Warped neighbours (n, 2T+1, 3, h, w) and the enlarged frame -> the initial estimate (n, 3, 4h, 4w)."""

    def __init__(self, frames: int, channels: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(3 * frames, channels, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlockNoBN(channels) for _ in range(blocks)))
        self.tail = nn.Conv2d(channels, channels, 3, padding=1)
        self.upsample1 = PixelShufflePack(channels, channels)
        self.upsample2 = PixelShufflePack(channels, channels)
        self.out = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, warped: Tensor, base: Tensor) -> Tensor:
        x = F.relu(self.head(warped.flatten(1, 2)))
        x = x + self.tail(self.body(x))
        x = F.relu(self.upsample2(F.relu(self.upsample1(x))))
        return base + self.out(x)


class EncoderDecoder(nn.Module):
    """The refinement: three scales with skips, sequential encoding at the coarsest."""

    def __init__(
        self, channels_in: int, channels: int, blocks: int, attention: str, strategy: str, past: int
    ) -> None:
        super().__init__()
        c = channels
        self.enter = _pair(channels_in, c)
        self.down1, self.down2 = _pair(c, c, stride=2), _pair(c, c, stride=2)
        half = (blocks + 1) // 2
        made = [AttentiveBlock(c, attention, i + 1) for i in range(blocks)]
        self.before, self.after = nn.Sequential(*made[:half]), nn.Sequential(*made[half:])
        self.sequence = SequentialEncoding(c, strategy, past)
        self.up2, self.merge2 = nn.Conv2d(c, c, 3, padding=1), _pair(2 * c, c)
        self.up1, self.merge1 = nn.Conv2d(c, c, 3, padding=1), _pair(2 * c, c)
        self.out = nn.Conv2d(c, 3, 3, padding=1)

    def forward(self, x: Tensor, memory: Memory) -> tuple[Tensor, list[Tensor], State | None]:
        """(n, c_in, H, W) -> the refinement (n, 3, H, W), the features to keep, the cell's state."""
        first = self.enter(x)
        second = self.down1(first)
        third = self.before(self.down2(second))
        third, kept, state = self.sequence(third, memory.features, memory.state)
        third = self.after(third)
        x = self.merge2(torch.cat([F.relu(self.up2(_twice(third))), second], dim=1))
        x = self.merge1(torch.cat([F.relu(self.up1(_twice(x))), first], dim=1))
        return self.out(x), kept, state


def _pair(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, stride, 1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
    )


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class SECNet(nn.Module):
    """(n, t, 3, h, w) RGB in [0, 1] -> (n, t, 3, 4h, 4w), unclamped, frame after frame.

    `reach` is the paper's T1, `previous` T2 (0: no recurrent frame fusion), `past` T3, `sequence` one of
    none, oneway, cascaded, fused, `attention` one of none, spatial, channel+spatial, nonlocal (Table V).
    `local=False` leaves the local fusion out (ERFFNet), `recurrent=False` the refinement (LFFNet).
    Source: arXiv 1911.11136, sections II-B to II-D.
    """

    def __init__(
        self,
        reach: int = 2,
        previous: int = 2,
        past: int = 6,
        sequence: str = "fused",
        attention: str = "spatial",
        blocks: int = 8,
        channels: int = 64,
        motion_width: int = 32,
        local_blocks: int = 6,
        phase: float = 0.0,
        local: bool = True,
        recurrent: bool = True,
    ) -> None:
        super().__init__()
        self.reach, self.previous = reach, previous if recurrent else 0
        self.base = PhasedBicubic(phase)
        self.motion = MotionNet(motion_width)
        self.local = LocalFusion(2 * reach + 1, channels, local_blocks) if local else None
        self.refine: EncoderDecoder | None = None
        if recurrent:
            width = 3 * (1 + previous)
            self.refine = EncoderDecoder(width, channels, blocks, attention, sequence, past)

    def step(self, frames: Tensor, centre: int, memory: Memory) -> Step:
        """Restore frame `centre` of (n, t, 3, h, w); frames beyond the ends repeat (Algorithm 4, line 3)."""
        current = frames[:, centre]
        flows, warped = self._align(frames, centre)
        initial = self.base(current)
        if self.local is not None:
            initial = self.local(warped, initial)
        if self.refine is None:
            return Step(initial, initial, flows, warped, memory)
        earlier = self._earlier(frames, centre, flows, memory.outputs, initial)
        refinement, features, state = self.refine(torch.cat([initial, *earlier], dim=1), memory)
        output = initial + refinement
        outputs = (output, *memory.outputs)[: self.previous]
        return Step(output, initial, flows, warped, Memory(outputs, features, state))

    def _align(self, frames: Tensor, centre: int) -> tuple[Tensor, Tensor]:
        """Flows from the frame to its neighbours (its own is zero), and the neighbours warped by them."""
        last = frames.shape[1] - 1
        numbers = [min(max(centre + d, 0), last) for d in range(-self.reach, self.reach + 1)]
        near = torch.stack([frames[:, number] for number in numbers], dim=1)
        flows = torch.stack([self._flow(frames, centre, k) for k in numbers], dim=1)
        return flows, flow_warp(near.flatten(0, 1), flows.flatten(0, 1), "border").view_as(near)

    def _flow(self, frames: Tensor, centre: int, other: int) -> Tensor:
        if other == centre:
            return torch.zeros_like(frames[:, 0, :2])
        return self.motion(frames[:, centre], frames[:, other])

    def _earlier(
        self, frames: Tensor, centre: int, flows: Tensor, outputs: tuple[Tensor, ...], like: Tensor
    ) -> list[Tensor]:
        """Previous outputs brought to this frame; zeros where there is none. No gradient reaches the flow
        from here (section III-A)."""
        aligned = []
        for back in range(1, self.previous + 1):
            if back > len(outputs):
                aligned.append(torch.zeros_like(like))
                continue
            known = back <= self.reach
            flow = flows[:, self.reach - back] if known else self._flow(frames, centre, max(centre - back, 0))
            large = F.interpolate(flow.detach(), scale_factor=SCALE, mode="bilinear", align_corners=False)
            aligned.append(flow_warp(outputs[back - 1], SCALE * large, "border"))
        return aligned

    def steps(self, frames: Tensor, memory: Memory | None = None, start: int = 0) -> Iterator[Step]:
        """Every frame from `start` on, one after the other; only what the next one needs is kept."""
        memory = Memory() if memory is None else memory
        for centre in range(start, frames.shape[1]):
            step = self.step(frames, centre, memory)
            memory = step.memory
            yield step

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([step.output for step in self.steps(x)], dim=1)

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """(n, 3, h, w) frames one at a time -> outputs one at a time, `reach` frames later: for endless
        clips. Equal to `forward`; the memory does not grow."""
        held: list[Tensor] = []
        memory, centre = Memory(), 0
        for frame in frames:
            held.append(frame)
            if len(held) > centre + self.reach:
                step = self.step(torch.stack(held, dim=1), centre, memory)
                yield step.output
                memory, centre = step.memory, centre + 1
                surplus = centre - max(self.reach, self.previous)
                if surplus > 0:
                    del held[:surplus]
                    centre -= surplus
        for step in self.steps(torch.stack(held, dim=1), memory, centre) if held else ():
            yield step.output


def LFFNet(reach: int = 2, channels: int = 64, motion_width: int = 32, phase: float = 0.0) -> SECNet:
    """The local frame fusion network alone (section II-B)."""
    return SECNet(reach, channels=channels, motion_width=motion_width, phase=phase, recurrent=False)


def ERFFNet(previous: int = 2, past: int = 6, sequence: str = "fused", attention: str = "spatial") -> SECNet:
    """The enhanced recurrent frame fusion alone, on bicubically enlarged frames (section III-A)."""
    return SECNet(previous=previous, past=past, sequence=sequence, attention=attention, local=False)
