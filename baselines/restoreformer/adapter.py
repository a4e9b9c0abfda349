"""RestoreFormer and RestoreFormer++ as methods: the official tools' steps for aligned faces, batched."""

from __future__ import annotations

from torch import Tensor, nn

from baselines.adapters.face import FacePredictor
from baselines.restoreformer.network import RestoreFormer, RestoreFormerPP


class RestoreFormerPredictor(FacePredictor):
    """Restores each frame by itself. Option: compiled."""

    compiled = ("",)

    leave = ("quantize.utility_counter",)  # a training statistic in some of the published files

    def network(self) -> nn.Module:
        return RestoreFormer()

    def run(self, faces: Tensor) -> Tensor:
        image: Tensor = self.net(faces).image
        return image


class RestoreFormerPPPredictor(RestoreFormerPredictor):
    """The same for RestoreFormer++."""

    def network(self) -> nn.Module:
        return RestoreFormerPP()
