"""VQFR as a method: the official tool's steps for aligned faces, batched over frames."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.adapters.face import FacePredictor
from baselines.vqfr.network import VQFR


class VQFRPredictor(FacePredictor):
    """Restores each frame by itself. Options: f (fidelity ratio), compiled."""

    compiled = ("restore",)

    def network(self) -> nn.Module:
        return VQFR()

    def run(self, faces: Tensor) -> Tensor:
        image: Tensor = self.net.restore(faces, float(self.options["f"]))
        return image
