"""The ground truth itself."""

from __future__ import annotations

from torch import Tensor

from vfsrbench.predictor import ImagePredictor


class Oracle(ImagePredictor):
    """Returns its input, which is the ground truth (`source = "gt"` on the card)."""

    def restore_batch(self, frames: Tensor) -> Tensor:
        return frames
