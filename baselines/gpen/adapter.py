"""GPEN as a method: the official tool's steps for aligned faces, batched over frames."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.adapters.face import FacePredictor
from baselines.gpen.network import GPEN


class GPENPredictor(FacePredictor):
    """Restores each frame by itself. Option: rounding (down as the official tool, or nearest)."""

    channels_last = True

    def network(self) -> nn.Module:
        return GPEN()

    def run(self, faces: Tensor) -> Tensor:
        image: Tensor = self.net(faces)[0]
        return image

    def levels(self, images: Tensor) -> Tensor:
        """Fractions of a grey level are cut off."""
        if self.options["rounding"] == "nearest":
            return super().levels(images)
        return images.clamp(0, 1).mul(255).floor()
