"""RealBasicVSR as a method."""

from __future__ import annotations

from torch import nn

from baselines.adapters.vsr import VsrPredictor
from baselines.basicvsr.adapter import COMPILED
from baselines.realbasicvsr.network import RealBasicVSR


class RealBasicVSRPredictor(VsrPredictor):
    """x4 from a quarter of the ground truth's size; the option `threshold` is in grey levels."""

    least = 64
    compiled = ("image_cleaning", *(f"basicvsr.{part}" for part in COMPILED))

    def network(self) -> nn.Module:
        return RealBasicVSR(dynamic_refine_thres=float(self.options["threshold"]))
