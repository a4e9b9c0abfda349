"""Colours, range and borders of a clip against another's."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

_CLEARLY = 0.7
_BLACK, _WHITE, _ROOM = 16, 235, 8
_NARROW = 0.9
_TAIL = 1e-3
_FLAT = 16.0
"""Variance of a ground truth's channel, in squared grey levels, below which contrast cannot be told."""
_GREY, _COLOURED = 0.02, 9.0
Picture = NDArray[np.float32]
Frames = NDArray[np.uint8]
Array = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass
class Levels:
    """Moments of the colours of small pictures (h, w, 3), where neither blur nor detail counts."""

    n: int = 0
    total: Array = field(default_factory=lambda: np.zeros(6))
    products: Array = field(default_factory=lambda: np.zeros((6, 6)))

    def add(self, restored: Picture, gt: Picture) -> None:
        """One frame of both."""
        both = np.concatenate([restored.reshape(-1, 3), gt.reshape(-1, 3)], axis=1).astype(np.float64)
        self.n += len(both)
        self.total += both.sum(0)
        self.products += both.T @ both

    @property
    def means(self) -> tuple[Array, Array]:
        """Of the three channels, restored and ground truth, 0 to 255."""
        mean = self.total / max(1, self.n)
        return mean[:3], mean[3:]

    def fit(self) -> tuple[Array, Array]:
        """Gain and offset of each channel: restored = gain * ground truth + offset, least squares; the gain
        is 1 where the ground truth is flat."""
        covariance = self._covariance()
        own, theirs = self.means
        variance = covariance.diagonal()[3:]
        gains = np.where(variance > _FLAT, covariance.diagonal(3) / np.maximum(variance, 1e-12), 1.0)
        return gains, own - gains * theirs

    def swapped(self) -> str:
        """That the channels stand in another order, if one fits much better; empty if they do not."""
        squares = self.products.diagonal() / max(1, self.n)
        cross = self.products[:3, 3:] / max(1, self.n)
        away = np.maximum(squares[:3, None] + squares[None, 3:] - 2 * cross, 0)
        orders = {order: sum(away[i, j] for i, j in enumerate(order)) for order in permutations(range(3))}
        best = min(orders, key=lambda order: (orders[order], order))
        if best == (0, 1, 2) or orders[best] > _CLEARLY * orders[0, 1, 2]:
            return ""
        return f"channels in the order {''.join('RGB'[i] for i in best)}"

    def greyed(self) -> str:
        """That the colours are gone; empty if they are not, or if there were none."""
        own, gt = (self._colourfulness(first) for first in (0, 3))
        return "no colours" if gt > _COLOURED and own < _GREY * gt else ""

    def _colourfulness(self, first: int) -> float:
        """Mean squared difference of neighbouring channels."""
        squares = self.products / max(1, self.n)
        pairs = ((first, first + 1), (first + 1, first + 2))
        return float(sum(squares[a, a] + squares[b, b] - 2 * squares[a, b] for a, b in pairs))

    def _covariance(self) -> Array:
        mean = self.total / max(1, self.n)
        return np.asarray(self.products / max(1, self.n) - np.outer(mean, mean))


@dataclass
class Range:
    """Counts of the grey levels of both clips."""

    own: Array = field(default_factory=lambda: np.zeros(256))
    theirs: Array = field(default_factory=lambda: np.zeros(256))

    def add(self, own: Counts, theirs: Counts) -> None:
        """`grey_levels` of one frame of both."""
        self.own += own
        self.theirs += theirs

    def finding(self, gain: float) -> str:
        """That values lie in 16 to 235 though the ground truth's do not, or were stretched as if they had;
        `gain` is the contrast against the ground truth's."""
        (low, high), (gt_low, gt_high) = _ends(self.own), _ends(self.theirs)
        beyond = gt_low < _BLACK - _ROOM or gt_high > _WHITE + _ROOM
        if gain < _NARROW and low >= _BLACK - _ROOM / 2 and high <= _WHITE + _ROOM / 2 and beyond:
            return "limited range (16 to 235)"
        if gain > 1 / _NARROW and (low == 0 or high == 255):
            return "range stretched, as if 16 to 235 had been 0 to 255"
        return ""


def _ends(counts: Array) -> tuple[int, int]:
    """The levels that all but one in a thousand values lie between, on either side."""
    share = np.cumsum(counts) / max(1.0, counts.sum())
    return int(np.searchsorted(share, _TAIL)), int(np.searchsorted(share, 1 - _TAIL))


def grey_levels(frame: Frames) -> Counts:
    """How often each of the 256 levels occurs in one pixel of nine, (256,)."""
    return np.asarray(np.bincount(frame[::3, ::3].ravel(), minlength=256), dtype=np.int64)


def constant_border(frame: Frames, most: int = 64) -> Counts:
    """Rows and columns of one colour at the top, right, bottom and left of a frame, `most` at most a side."""
    return np.array([_constant_rows(np.rot90(frame, turns), most) for turns in range(4)])


def _constant_rows(frame: Frames, most: int) -> int:
    first = frame[0, 0].astype(int)
    for row in range(min(most, len(frame))):
        if (np.abs(frame[row].astype(int) - first) > 1).any():
            return row
    return min(most, len(frame))
