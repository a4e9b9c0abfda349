"""KEEP as a method: the official tool's steps for aligned faces, one sub-clip after the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.adapters.aligned import fit_result, is_grey, resize_faces, to_grey, to_levels
from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import ready
from baselines.keep.network import KEEP, State
from baselines.keep.weights import load_keep
from vfsrbench.card import MethodCard, Value
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.runtime.checkpoint import read_checkpoint

COMPILED = ("encoder", "hq_encoder", "predict", "_decode")
"""Parts that the option `compiled` compiles: all that is called frame by frame, but no flow."""


class KeepPredictor(Predictor):
    """Restores sub-clips of `max_length` frames, each from scratch unless `stream` carries the state on.

    Options: layout (which release), cfa, kfn, flow (the paper's ablations), max_length, stream,
    compiled.
    """

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """The window is the option `max_length`, not the card's."""
        window = {"window": int(options["max_length"]), "stateful": bool(options["stream"])}
        super().__init__(card.model_copy(update=window), options)
        self.state: State | None = None

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: a KEEP file; `weights["flow"]`: PWC-Net's, if that is the flow network."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        chosen: dict[str, Any] = {key: self.options[key] for key in ("layout", "flow", "cfa")}
        net = KEEP(**chosen)
        load_keep(net, content, weights.get("flow"), str(weights["net"]))
        self.net = ready(net, device, self.profile)
        compile_parts(self, self.net, COMPILED)

    def start_clip(self, info: ClipInfo) -> None:
        """Nothing is remembered of the clip before."""
        super().start_clip(info)
        self.state = None

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """One sub-clip (T, 3, h, w) in [0, 1] -> (T, 3, H, W), whole grey levels."""
        faces = resize_faces(frames, self.net.side)
        out, state = self.net.restore(faces[None] * 2 - 1, self.state, kfn=bool(self.options["kfn"]))
        self.state = state if self.options["stream"] else None
        restored = to_levels((out[0].float() + 1) / 2) / 255
        restored = torch.where(is_grey(faces)[:, None, None, None], to_grey(restored), restored)
        return fit_result(restored, self.clip.out_height, self.clip.out_width)
