"""The ground truth through a video codec."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from degradations.imaging.codec import Encoding, round_trip
from vfsrbench.io.rounding import to_uint8
from vfsrbench.predictor import Predictor


class Recompressed(Predictor):
    """A window is encoded as a video of its own, at the clip's frame rate."""

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        encoding = Encoding(
            encoder="libx264",
            fps=Fraction(self.clip.fps).limit_denominator(1001),
            crf=int(self.options["crf"]),
            preset="medium",
            x264_params="mbtree=0",
        )
        decoded = np.stack(list(round_trip(iter(to_uint8(frames)), encoding)))
        return torch.from_numpy(decoded).to(frames.device).permute(0, 3, 1, 2).to(frames.dtype) / 255
