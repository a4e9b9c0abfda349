"""Richardson-Lucy deconvolution after bicubic enlargement."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from baselines.layers.pictures import Picture, each_picture, gaussian_blur
from baselines.layers.resample import resample
from vfsrbench.predictor import ImagePredictor

_FLOOR = 1e-12  # keeps the division finite where the picture is black


class RichardsonLucy(ImagePredictor):
    """Maximum likelihood under Poisson noise for a picture blurred by a known Gaussian."""

    def restore_batch(self, frames: Tensor) -> Tensor:
        large = resample(frames, self.clip.out_height, self.clip.out_width, "cubic").clamp_(0, 1)
        return each_picture(large, self._deconvolve)

    def _deconvolve(self, picture: Picture) -> Picture:
        sigma = float(self.options["sigma"])
        estimate = np.full_like(picture, 0.5)
        ratio, blurred = np.empty_like(picture), np.empty_like(picture)
        for _ in range(int(self.options["iterations"])):
            gaussian_blur(estimate, sigma, into=ratio)
            ratio += _FLOOR
            np.divide(picture, ratio, out=ratio)
            estimate *= gaussian_blur(ratio, sigma, into=blurred)  # the Gaussian is its own mirror image
        return estimate
