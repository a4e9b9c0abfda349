"""KEEP (Feng et al., "Kalman-Inspired Feature Propagation for Video Face Super-Resolution", ECCV 2024).

State dict and arithmetic are those of jnjaby/KEEP, releases v0.1.0 and v1.0.0; golden figures:
tests/parity/keep.json and keep_v1.json.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from baselines.keep.cfa import CrossFrameAttention
from baselines.keep.kalman import KalmanFilter, Memory
from baselines.layers.flow.gmflow import GMFlow
from baselines.layers.flow.pwcnet import PWCNet
from baselines.layers.flow.warp import flow_warp
from baselines.layers.generative.codebook import (
    GENERATOR_BLOCK,
    LATENT,
    MAP_CHANNELS,
    SIDE,
    CodePredictor,
    enlarge,
    fuse_blocks,
)
from baselines.layers.generative.vqgan import VQEncoder
from degradations.errors import InputError, did_you_mean

Layout = Literal["v0", "v1", "asian"]
Flow = Literal["gmflow", "pwcnet"]
ATTENDED_SIZES = (16, 32)
ENCODED = 2
"""Frames that are encoded at once on a CPU."""


class Names(NamedTuple):
    """What differs between the published files: two names, and the map sizes that are fused."""

    fuse: str
    attend: str
    fused_sizes: tuple[int, ...]


LAYOUTS: dict[str, Names] = {
    "v0": Names("fuse_convs_dict", "cross_fuse", (16, 32, 64)),
    "v1": Names("cft", "cfa", (16, 32, 64)),
    "asian": Names("cft", "cfa", (32, 64, 128, 256)),
}


@dataclass(frozen=True)
class State:
    """What one frame hands to the next: kept to carry a clip over the border of two windows.

    `frame` (b, 3, 512, 512) is the last input, `output` the last result (not clamped), `maps` the last
    decoder maps by size, `memory` the gain network's view of the first and the last frame (empty
    without the filter).
    """

    frame: Tensor
    output: Tensor
    maps: dict[int, Tensor]
    memory: Memory


class KEEP(CodePredictor):
    """The published network.

    layout: names and fused sizes of release v0.1.0 ("v0"), v1.0.0 ("v1") or its Asian model ("asian").
    flow: the flow network; "pwcnet" is the ablation of the paper. cfa=False leaves the cross-frame
    attention out.
    """

    exact_layers = ("flownet",)
    """Run in float32 in either profile."""

    def __init__(
        self, layout: Layout = "v0", flow: Flow = "gmflow", cfa: bool = True, side: int = SIDE
    ) -> None:
        super().__init__(side)
        if layout not in LAYOUTS:
            raise did_you_mean("layout of KEEP", layout, LAYOUTS)
        if flow not in get_args(Flow):
            raise did_you_mean("flow network of KEEP", flow, get_args(Flow))
        self.layout = LAYOUTS[layout]
        self.hq_encoder = VQEncoder(LATENT)
        self.kalman_filter = KalmanFilter()
        self.flownet = GMFlow() if flow == "gmflow" else PWCNet()
        self.add_module(self.layout.fuse, fuse_blocks(self.layout.fused_sizes))
        if cfa:
            layers = {str(size): CrossFrameAttention(MAP_CHANNELS[size]) for size in ATTENDED_SIZES}
            self.add_module(self.layout.attend, torch.nn.ModuleDict(layers))
        self.attended_sizes = ATTENDED_SIZES if cfa else ()

    def forward(
        self,
        x: Tensor,
        need_upscale: bool = True,
        flows: Tensor | None = None,
        kfn: bool = True,
        codes: Tensor | None = None,
    ) -> Tensor:
        """Restore clips x (b, t, 3, h, w), RGB in [-1, 1] -> (b, t, 3, 512, 512), not clamped.

        need_upscale: frames are 128x128, and are enlarged first; otherwise 512x512. flows, codes and
        kfn as in `restore`.
        """
        if x.ndim != 5 or x.shape[1] == 0:
            raise InputError(f"KEEP takes clips (b, t, 3, h, w) of at least one frame, got {list(x.shape)}")
        if need_upscale:
            x = enlarge(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return self.restore(x, flows=flows, kfn=kfn, codes=codes)[0]

    def restore(
        self,
        x: Tensor,
        state: State | None = None,
        flows: Tensor | None = None,
        kfn: bool = True,
        codes: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """One window x (b, t, 3, 512, 512) -> its result, and the state for the window after it.

        state: where the window before ended; without it the window starts from scratch, as in the
        official tool. flows (b, t - 1, 2, 512, 512), or t of them after a state: flow from each frame
        to the one before, in place of the flow network's. kfn=False decodes each frame's own latent
        (gain 0). codes (b, t, 256): codebook indices in place of the most likely ones.
        """
        b, t = x.shape[:2]
        latents, features = self._encoded(x.flatten(0, 1))
        latents = latents.unflatten(0, (b, t))
        features = {size: feature.unflatten(0, (b, t)) for size, feature in features.items()}
        memory: Memory = []
        if kfn:
            gains, memory = self.kalman_filter.gains(latents, state.memory if state else None)
            flows = self._flows(x, state) if flows is None else flows
        output, maps = (state.output, state.maps) if state else (None, {})
        outputs = []
        for i in range(t):
            latent = latents[:, i]
            if kfn and output is not None and flows is not None:
                warped = flow_warp(output, flows[:, i if state else i - 1])
                latent = torch.lerp(latent, self.hq_encoder(warped)[0], gains[:, i])
            logits = self.predict(latent)
            quantized = self.quantize(logits.argmax(dim=-1) if codes is None else codes[:, i])
            output, maps = self._decode(quantized, {size: f[:, i] for size, f in features.items()}, maps)
            outputs.append(output)
        return torch.stack(outputs, dim=1), State(x[:, -1].clone(), outputs[-1], maps, memory)

    def _encoded(self, faces: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """`encode` of all frames. On a CPU a few at a time: it gains nothing by more, and the encoder's first
        maps of a whole window would be the most memory that the network ever takes."""
        sizes = self.layout.fused_sizes
        if faces.device.type != "cpu":
            return self.encode(faces, sizes)
        parts = [self.encode(part, sizes) for part in faces.split(ENCODED)]
        latents = torch.cat([latent for latent, _ in parts])
        return latents, {size: torch.cat([maps[size] for _, maps in parts]) for size in sizes}

    def _flows(self, x: Tensor, state: State | None) -> Tensor | None:
        """Flow from each frame to the one before it; None for a lone first frame. Always in full
        precision: matching in bfloat16 would be off by pixels."""
        if state is not None:
            x = torch.cat((state.frame[:, None], x), dim=1)
        with torch.autocast(x.device.type, enabled=False):
            return self.flownet.backwards(x.float()) if x.shape[1] > 1 else None

    def _decode(
        self, quantized: Tensor, features: dict[int, Tensor], before: dict[int, Tensor]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """A frame's codes -> the frame, and its decoder maps for the next frame's attention."""
        maps: dict[int, Tensor] = {}

        def adapt(decoded: Tensor, size: int) -> Tensor:
            if size in features:
                fuse = self.get_submodule(f"{self.layout.fuse}.{size}")
                decoded = fuse(features[size], decoded)
            if size in self.attended_sizes:
                if size in before:
                    decoded = self.get_submodule(f"{self.layout.attend}.{size}")(decoded, before[size])
                maps[size] = decoded
            return decoded

        sizes = {*features, *self.attended_sizes}
        after: dict[int, Callable[[Tensor], Tensor]] = {
            GENERATOR_BLOCK[size]: partial(adapt, size=size) for size in sizes
        }
        return self.generator(quantized, after), maps
