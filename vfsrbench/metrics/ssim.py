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
    """What SSIM needs of one picture: windowed mean and variance, laid out as `smooth` gives them."""

    mean: Plane
    variance: Plane


class Ssim(Metric):
    """SSIM of each frame: per channel on 0..255 in float64, valid area, mean over positions and channels.

    No border is cut beyond the window's own 5 pixels. `space` on the card: rgb or y (one plane).
    """

    threaded = True

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
    variance = smooth(product(picture, picture))
    variance -= mean * mean
    return Moments(mean, variance)


def ssim(picture: Picture, gt: Picture, known: Moments) -> float:
    """SSIM of two pictures (H, W) or (H, W, C) on the 0..255 scale; `known` are the truth's moments."""
    mean = smooth(picture)
    square = smooth(product(picture, picture))
    cross = smooth(product(picture, gt))
    edge = MARGIN * picture.size // (picture.shape[0] * picture.shape[1])
    return ssim_sum(mean, square, cross, known, edge) / (mean.size - 2 * edge * len(mean))


def ssim_sum(mean: Plane, square: Plane, cross: Plane, known: Moments, edge: int = 0) -> float:
    """Sum of the SSIM map. The arrays are windowed means of x, x*x and x*y, (rows, N) without gaps; `known`
    belongs to y. The first and last `edge` numbers of each row are left out."""
    rows, width = mean.shape
    inner = width - 2 * edge
    step = max(1, _CHUNK // inner)
    room = np.empty((4, min(step, rows), width))
    counted = np.empty((len(room[0]), inner))
    total = 0.0
    for top in range(0, rows, step):
        part = slice(top, top + step)
        mx, my = mean[part], known.mean[part]
        map_, contrast, squared, spread = room[:, : len(mx)]
        np.multiply(mx, my, out=map_)
        np.subtract(cross[part], map_, out=contrast)
        map_ *= 2
        map_ += C1
        contrast *= 2
        contrast += C2
        map_ *= contrast
        np.multiply(mx, mx, out=squared)
        np.subtract(square[part], squared, out=spread)
        spread += known.variance[part]
        spread += C2
        squared += np.multiply(my, my, out=contrast)
        squared += C1
        squared *= spread
        map_ /= squared
        counts = counted[: len(mx)]
        counts[...] = map_[:, edge : width - edge]
        total += float(counts.sum())
    return total


def smooth(picture: NDArray[Any]) -> Plane:
    """The Gaussian window over both axes, each channel on its own: (H-10, W) or (H-10, W * C). The rows are
    the valid ones; at either end of a row lie 5 * C numbers that are not valid."""
    taps = gaussian()
    whole: Plane = np.asarray(cv2.sepFilter2D(picture, cv2.CV_64F, taps, taps), dtype=np.float64)
    return whole.reshape(len(whole), -1)[MARGIN:-MARGIN]


def product(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """a * b, exact for uint8 (which fits uint16)."""
    return np.multiply(a, b, dtype=np.uint16 if a.dtype == np.uint8 else np.float64)
