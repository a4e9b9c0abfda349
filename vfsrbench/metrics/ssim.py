"""SSIM of frames, with the arithmetic that BasicSR, KEEP and CodeFormer share (Wang et al., TIP 2004)."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.pixels import (
    Picture,
    check_frames,
    check_pair,
    check_size,
    in_space,
    row_bands,
    scored_frames,
)

Plane = NDArray[np.float64]

TAPS = 11
MARGIN = TAPS // 2
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2
_BAND = 3 << 17  # numbers of a picture that are filtered at a time: they fit the processor's cache
_LEAST_ROWS = 128  # of a band: ten rows of each are filtered twice
_CHUNK = 1 << 14  # numbers of a map that are worked on at a time


@cache
def gaussian() -> NDArray[np.float64]:
    """The normalised 1-D window: 11 taps, sigma 1.5; read-only."""
    at = np.arange(TAPS) - MARGIN
    weights = np.exp(-(at**2) / (2 * 1.5**2))
    weights /= weights.sum()
    weights.flags.writeable = False
    return weights


@dataclass(frozen=True)
class Moments:
    """What SSIM needs of the ground truth y, laid out as `smooth` gives it: 2 E[y] and 4 Var[y]."""

    twice: Plane
    spread: Plane


class Ssim(Metric):
    """SSIM of each frame: per channel on 0..255 in float64, valid area, mean over positions and channels.

    No border is cut beyond the window's own 5 pixels. `space` on the card: rgb or y (one plane).
    """

    threaded = True

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.room = Room()

    def prepare(self, gt: Window) -> list[Moments]:
        """The ground truth's moments, a frame each: 2/5 of the filtering, done once for all methods."""
        check_frames(gt)
        check_size(gt, TAPS, self.card.id)
        return [moments(self._picture(frame), self.room) for frame in scored_frames(gt)]

    def score(self, restored: Window, gt: Window, state: list[Moments]) -> Values:
        check_pair(restored, gt)
        frames = zip(scored_frames(restored), scored_frames(gt), state, strict=True)
        return np.array(
            [ssim(self._picture(a), self._picture(b), known, self.room) for a, b, known in frames]
        )

    def _picture(self, frame: Any) -> Picture:
        return in_space(frame, str(self.card.params.get("space", "rgb")))


class Room(threading.local):
    """Arrays that are used again and again, so that results are written where the processor's cache has them,
    and no page of memory is cleared for them again. Each thread that uses it has arrays of its own.

    What `array` gave under a name is overwritten by the next call for that name.
    """

    def __init__(self) -> None:
        self._memory: dict[tuple[str, str], NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: type[np.generic] = np.float64) -> NDArray[Any]:
        """An array (shape) without gaps, of whatever numbers."""
        key, size = (name, np.dtype(dtype).str), math.prod(shape)
        if key not in self._memory or self._memory[key].size < size:
            self._memory[key] = np.empty(size, dtype)
        return self._memory[key][:size].reshape(shape)

    def product(self, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        """a * b, exact for uint8 (which fits uint16)."""
        dtype = np.uint16 if a.dtype == np.uint8 else np.float64
        return np.multiply(a, b, out=self.array("product", a.shape, dtype), dtype=dtype)


def moments(picture: Picture, room: Room | None = None) -> Moments:
    """What SSIM needs of a ground truth (H, W) or (H, W, C) on the 0..255 scale. `room` has memory of an
    earlier call."""
    room = room or Room()
    shape = picture.shape[0] - 2 * MARGIN, picture.size // picture.shape[0]
    known = Moments(np.empty(shape), np.empty(shape))
    for rows in _bands(*shape):
        part = picture[rows.start : rows.stop + 2 * MARGIN]
        known.twice[rows] = smooth(part, 2, room.array("mean", part.shape))
        square = smooth(room.product(part, part), 4, room.array("square", part.shape))
        known.spread[rows] = spread_of(known.twice[rows], square)
    return known


def _bands(rows: int, width: int) -> list[slice]:
    """The rows of a map."""
    return row_bands(rows, max(_LEAST_ROWS, _BAND // width))


def spread_of(twice: Plane, square: Plane) -> Plane:
    """4 Var[y] of 2 E[y] and 4 E[y y], in the second's place."""
    square -= twice * twice
    return square


def ssim(picture: Picture, gt: Picture, known: Moments, room: Room | None = None) -> float:
    """SSIM of two pictures (H, W) or (H, W, C) on the 0..255 scale; `known` belongs to the ground truth.
    `room` has memory of an earlier call."""
    room = room or Room()
    rows, width = known.twice.shape
    edge = MARGIN * picture.size // (picture.shape[0] * picture.shape[1])
    total = 0.0
    for band in _bands(rows, width):
        ours, theirs = (whole[band.start : band.stop + 2 * MARGIN] for whole in (picture, gt))
        mean = smooth(ours, 2, room.array("mean", ours.shape))
        square = smooth(room.product(ours, ours), 4, room.array("square", ours.shape))
        cross = smooth(room.product(ours, theirs), 4, room.array("cross", ours.shape))
        part = Moments(known.twice[band], known.spread[band])
        total += ssim_sum(mean, square, cross, part, room, edge)
    return total / (rows * (width - 2 * edge))


def ssim_sum(twice: Plane, square: Plane, cross: Plane, known: Moments, room: Room, edge: int = 0) -> float:
    """Sum of the SSIM map, of 2 E[x], 4 E[x x] and 4 E[x y], (rows, N) without gaps; the last two are
    overwritten. `known` belongs to y. The first and last `edge` numbers of each row are left out.

    With a = 2 E[x] and b = 2 E[y] a place has 4 (a b + 2 C1) (4 E[xy] + 2 C2 - a b) over
    (a a + b b + 4 C1) (4 E[xx] - a a + 4 Var[y] + 4 C2). Twos and fours are exact, and spare a
    multiplication each. In this order equal pictures have exactly 1: variances and covariances are found
    before anything else is added.
    """
    rows, width = twice.shape
    step = max(1, _CHUNK // width)
    both = room.array("map", (2, min(step, rows), width))
    total = 0.0
    for top in range(0, rows, step):
        part = slice(top, top + step)
        a, b, over, under = twice[part], known.twice[part], cross[part], square[part]
        map_, other = both[:, : len(a)]
        np.multiply(a, b, out=map_)
        over -= map_
        over += 2 * C2
        map_ += 2 * C1
        map_ *= over
        under -= np.multiply(a, a, out=other)
        under += known.spread[part]
        under += 4 * C2
        other += np.multiply(b, b, out=over)
        other += 4 * C1
        other *= under
        map_ /= other
        total += float(map_[:, edge : width - edge].sum())
    return 4 * total


def smooth(picture: NDArray[Any], scale: int, into: NDArray[np.float64] | None = None) -> Plane:
    """The Gaussian window over both axes, times a power of two, each channel on its own: (H-10, W) or
    (H-10, W * C). The rows are the valid ones; at either end of a row lie 5 * C numbers that are not valid.
    `into`: an array of the picture's shape for the result."""
    taps = gaussian()
    whole: Plane = np.asarray(cv2.sepFilter2D(picture, cv2.CV_64F, scale * taps, taps, into), np.float64)
    return whole.reshape(len(whole), -1)[MARGIN:-MARGIN]
