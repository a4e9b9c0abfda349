"""SECNet as a method, with weights that the user has trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import placed
from baselines.adapters.vsr import fit_input
from baselines.secnet.network import SECNet
from vfsrbench.errors import InputError
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint

COMPILED = ("motion", "local", "refine")
"""Parts that the option `compiled` compiles: all that is called frame by frame."""


class SECNetPredictor(Predictor):
    """x4 from a quarter of the ground truth's size; the file says which variant it holds."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: a file that `python -m baselines.secnet.train` wrote."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])
        config = content.get("config")
        if not isinstance(config, Mapping):
            raise InputError(
                f"{weights['net']}: does not say which SECNet it holds; make the file with "
                f"`python -m baselines.secnet.train`"
            )
        net = SECNet(**config)
        load_checkpoint(net, content, where=str(weights["net"]))
        self.net = placed(net, device, self.profile)
        compile_parts(self, self.net, COMPILED)

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """(T, 3, h, w) in [0, 1] -> (T, 3, H, W), frame after frame."""
        height, width = self.clip.out_height, self.clip.out_width
        seen = fit_input(frames, -(-height // 4), -(-width // 4))
        steps = self.net.steps(seen[None])
        return torch.cat([step.output[..., :height, :width] for step in steps])
