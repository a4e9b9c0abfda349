"""BasicVSR as a method."""

from __future__ import annotations

from torch import nn

from baselines.basicvsr.network import BasicVSR
from baselines.layers.vsr_adapter import VsrPredictor


class BasicVSRPredictor(VsrPredictor):
    """x4 from a quarter of the ground truth's size."""

    least = 64

    def network(self) -> nn.Module:
        return BasicVSR()
