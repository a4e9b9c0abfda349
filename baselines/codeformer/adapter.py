"""CodeFormer as a method: the official tool's steps for aligned faces, batched over frames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from baselines.adapters.aligned import fit_result, is_grey, resize_faces, to_grey, to_levels, transfer_colour
from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import ready
from baselines.codeformer.network import CodeFormer
from vfsrbench.predictor import ImagePredictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint


class CodeFormerPredictor(ImagePredictor):
    """Restores each frame by itself. Options: w (fidelity), adain, compiled."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: codeformer.pth."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        net = CodeFormer()
        load_checkpoint(net, content, where=str(weights["net"]))
        self.net = ready(net, device, self.profile)
        compile_parts(self, self.net)

    def restore_batch(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, H, W), whole grey levels."""
        faces = resize_faces(frames, self.net.side)
        out, _, _ = self.net(faces * 2 - 1, w=float(self.options["w"]), adain=bool(self.options["adain"]))
        restored = to_levels((out.float() + 1) / 2) / 255
        grey = is_grey(faces)[:, None, None, None]
        restored = torch.where(grey, transfer_colour(to_grey(restored), faces), restored)
        return fit_result(restored, self.clip.out_height, self.clip.out_width)
