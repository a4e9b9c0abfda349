"""PGTFormer as a method: whole pictures of 512x512, each frame restored from itself and its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.adapters.aligned import fit_result, to_levels
from baselines.adapters.ready import ready
from baselines.pgtformer.attention import relative_index
from baselines.pgtformer.network import PGTFormer
from degradations.errors import InputError
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint, unwrap

INDEX = ".relative_position_index"


def check_indices(content: Mapping[str, Any], where: str) -> None:
    """InputError when a file's windows are not those of the network: their tables would be read wrongly."""
    wanted = relative_index()
    for name, value in unwrap(content, where).items():
        if name.endswith(INDEX) and not torch.equal(value.cpu().long(), wanted):
            raise InputError(
                f"{where}: {name} is not that of windows of 3x4x4; it is another network's file or version"
            )


class PGTFormerPredictor(Predictor):
    """Restores each frame from the window of three around it. Options: w (fidelity), rounding."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official file."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        check_indices(content, str(weights["net"]))
        net = PGTFormer()
        load_checkpoint(net, content, where=str(weights["net"]))
        self.net = ready(net, device, self.profile)

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """One window of the harness (T, 3, h, w) in [0, 1] -> (T, 3, H, W), whole grey levels."""
        side = self.net.side
        if frames.shape[-2:] != (side, side):
            frames = F.interpolate(frames, (side, side), mode="bilinear", align_corners=True)
        out = self.net.restore(frames, w=float(self.options["w"]), batch=self.card.batch).float()
        truncate = self.options["rounding"] == "truncate"
        levels = out.clamp(0, 1).mul(255).floor() if truncate else to_levels(out)
        return fit_result(levels / 255, self.clip.out_height, self.clip.out_width)
