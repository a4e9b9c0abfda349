"""Methods that enlarge a frame by interpolation, to the size that the ground truth has."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from baselines.layers.resample import resample
from vfsrbench.predictor import ImagePredictor


class Interpolation(ImagePredictor):
    """Subclasses name the interpolation, one of `degradations.imaging.resize.METHODS`."""

    method: ClassVar[str]

    def restore_batch(self, frames: Tensor) -> Tensor:
        return resample(frames, self.clip.out_height, self.clip.out_width, self.method)
