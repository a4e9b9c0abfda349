"""BasicVSR as a method."""

from __future__ import annotations

from torch import nn

from baselines.adapters.vsr import VsrPredictor
from baselines.basicvsr.network import BasicVSR


class BasicVSRPredictor(VsrPredictor):
    """x4 from a quarter of the ground truth's size."""

    least = 64

    def network(self) -> nn.Module:
        return BasicVSR()
