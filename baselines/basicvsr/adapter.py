"""BasicVSR as a method."""

from __future__ import annotations

from torch import nn

from baselines.adapters.vsr import VsrPredictor
from baselines.basicvsr.network import BasicVSR

COMPILED = ("spynet", "backward_resblocks", "forward_resblocks", "fusion", "enlarge")


class BasicVSRPredictor(VsrPredictor):
    """x4 from a quarter of the ground truth's size."""

    least = 64
    compiled = COMPILED

    def network(self) -> nn.Module:
        return BasicVSR()
