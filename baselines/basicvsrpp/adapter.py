"""BasicVSR++ as a method, with every published checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from baselines.adapters.vsr import VsrPredictor
from baselines.basicvsrpp.network import BasicVSRPlusPlus
from vfsrbench.card import MethodCard, Value

SHAPES = {"ntire": (128, 25), "denoise": (64, 15), "deblur": (64, 15)}
"""The first word of a checkpoint's name -> channels and blocks; the others are 64 and 7."""
SAME_SIZE = ("ntire-decompress", "denoise", "deblur")


class BasicVSRPlusPlusPredictor(VsrPredictor):
    """x4 checkpoints see a quarter of the ground truth's size, same-size checkpoints the full size."""

    compiled = ("spynet", "feat_extract", "deform_align", "backbone", "reconstruction", "enlarge")

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        super().__init__(card, options)
        self.same_size = str(options["checkpoint"]).startswith(SAME_SIZE)
        self.scale = 1 if self.same_size else 4
        self.multiple = 4 if self.same_size else 1
        self.least = 256 if self.same_size else 64

    def network(self) -> nn.Module:
        channels, blocks = SHAPES.get(str(self.options["checkpoint"]).split("-")[0], (64, 7))
        return BasicVSRPlusPlus(channels, blocks, is_low_res_input=not self.same_size)
