"""SSIM of frames, with the arithmetic that BasicSR, KEEP and CodeFormer share (Wang et al., TIP 2004)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.pixels import Picture, check_frames, check_pair, check_size, in_space, scored_frames

Plane = NDArray[np.float64]

TAPS = 11
MARGIN = TAPS // 2
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
_CHUNK = 1 << 15  # numbers of a map that are worked on at a time, to stay inside the processor's cache


def gaussian() -> NDArray[np.float64]:
    """The normalised 1-D window: 11 taps, sigma 1.5."""
    at = np.arange(TAPS) - MARGIN
    weights = np.exp(-(at**2) / (2 * 1.5**2))
    return weights / weights.sum()


@dataclass(frozen=True)
class Moments:
    """What SSIM needs of one picture: windowed mean and variance, over the valid area only."""

    mean: Plane
    variance: Plane


class Ssim(Metric):
    """SSIM of each frame: per channel on 0..255 in float64, valid area, mean over positions and channels.

    No border is cut beyond the window's own 5 pixels. `space` on the card: rgb or y (one plane).
    """

    def prepare(self, gt: Window) -> list[Moments]:
        """The ground truth's moments, a frame each: 2/5 of the filtering, done once for all methods."""
        check_frames(gt)
        check_size(gt, TAPS, self.card.id)
        return [moments(self._picture(frame)) for frame in scored_frames(gt)]

    def score(self, restored: Window, gt: Window, state: list[Moments]) -> Values:
        check_pair(restored, gt)
        frames = zip(scored_frames(restored), scored_frames(gt), state, strict=True)
        return np.array([ssim(self._picture(a), self._picture(b), known) for a, b, known in frames])

    def _picture(self, frame: Any) -> Picture:
        return in_space(frame, str(self.card.params.get("space", "rgb")))


def moments(picture: Picture) -> Moments:
    """Windowed mean and variance of a picture (H, W) or (H, W, C) on the 0..255 scale."""
    mean = smooth(picture)
    return Moments(mean, smooth(_product(picture, picture)) - mean**2)


def ssim(picture: Picture, gt: Picture, known: Moments) -> float:
    """SSIM of two pictures (H, W) or (H, W, C) on the 0..255 scale; `known` are the truth's moments."""
    mean = smooth(picture)
    square = smooth(_product(picture, picture))
    cross = smooth(_product(picture, gt))
    return ssim_sum(mean, square, cross, known) / mean.size


def ssim_sum(mean: Plane, square: Plane, cross: Plane, known: Moments) -> float:
    """Sum of the SSIM map. The arrays are windowed means of x, x*x and x*y; `known` belongs to y."""
    total = 0.0
    rows = max(1, _CHUNK * len(mean) // mean.size)
    for top in range(0, len(mean), rows):
        part = slice(top, top + rows)
        mx, my = mean[part], known.mean[part]
        product = mx * my
        contrast = cross[part] - product
        product *= 2
        product += C1
        contrast *= 2
        contrast += C2
        product *= contrast
        squared = mx * mx
        spread = square[part] - squared
        spread += known.variance[part]
        spread += C2
        squared += my * my
        squared += C1
        squared *= spread
        product /= squared
        total += float(product.sum())
    return total


def smooth(picture: NDArray[Any]) -> Plane:
    """The Gaussian window over both axes, each channel on its own, valid area: (H-10, W-10[, C])."""
    taps = gaussian()
    whole = cv2.sepFilter2D(picture, cv2.CV_64F, taps, taps)
    return np.asarray(whole[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _product(a: Picture, b: Picture) -> NDArray[Any]:
    """a * b, exact for uint8 (which fits uint16)."""
    return np.multiply(a, b, dtype=np.uint16 if a.dtype == np.uint8 else np.float64)
