"""PSNR: a frame at a time, on luma, and from one error over the whole clip."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.pixels import Picture, check_pair, in_space, scored_frames

PEAK = 255.0


class Psnr(Metric):
    """PSNR of each frame in dB: one mean squared error over all pixels and channels, float64.

    Equal frames give +inf in the row. In a clip's mean no frame counts more than the card's cap, so that
    an equal frame is never worth less than one with a single wrong pixel. `space` on the card: rgb or y.
    """

    threaded = True

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_pair(restored, gt)
        space = str(self.card.params.get("space", "rgb"))
        pairs = zip(scored_frames(restored), scored_frames(gt), strict=True)
        return np.array([psnr_of(mse(in_space(a, space), in_space(b, space))) for a, b in pairs])

    def finish(self, values: Values) -> float:
        cap = np.inf if self.card.cap is None else self.card.cap
        return super().finish(np.minimum(values, cap))


class PsnrClip(Psnr):
    """PSNR of a clip from ONE mean squared error over all its frames (SECNet, eq. 11), capped.

    A frame's value is its own PSNR, which carries its squared error; `finish` turns them back into errors,
    averages those, and takes the logarithm once. Frames without a value are left out.
    """

    def finish(self, values: Values) -> float:
        known = values[~np.isnan(values)]
        if not known.size:
            return float("nan")
        error = float(np.mean(10.0 ** (-known / 10.0)))  # +inf becomes 0
        cap = float("inf") if self.card.cap is None else self.card.cap
        return cap if error == 0 else min(cap, -10.0 * float(np.log10(error)))


def mse(a: Picture, b: Picture) -> float:
    """Mean squared error of two pictures of one shape, on the 0..255 scale. Exact for uint8."""
    return cv2.norm(a, b, cv2.NORM_L2SQR) / a.size


def psnr_of(error: float) -> float:
    return float("inf") if error == 0 else float(20.0 * np.log10(PEAK / np.sqrt(error)))
