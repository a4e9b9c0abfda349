"""Unsharp masking after bicubic enlargement."""

from __future__ import annotations

from torch import Tensor

from baselines.layers.pictures import Picture, each_picture, gaussian_blur
from baselines.layers.resample import resample
from vfsrbench.predictor import ImagePredictor


class Unsharp(ImagePredictor):
    """x + amount (x - blurred x), x the bicubic enlargement."""

    def restore_batch(self, frames: Tensor) -> Tensor:
        large = resample(frames, self.clip.out_height, self.clip.out_width, "cubic").clamp_(0, 1)
        return each_picture(large, self._sharpen)

    def _sharpen(self, picture: Picture) -> Picture:
        sigma, amount = float(self.options["sigma"]), float(self.options["amount"])
        return picture + amount * (picture - gaussian_blur(picture, sigma))
