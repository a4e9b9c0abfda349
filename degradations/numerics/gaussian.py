"""Gaussian noise from tables: whole-number quantiles of the normal distribution, looked up by random words.

Sixteen random bits choose one of 2^16 equally likely quantiles. The 64 outermost at either end are split
1024-fold by ten more bits, so that the tails reach to 5.66 standard deviations. Quantiles are multiples of
1/4096 (nearest; no quantile lies within 1e-9 of a tie, so any correct math library gives the same table).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.numerics.grid import STEPS, Picture, fine
from degradations.numerics.streams import Stream

UNIT = 4096
"""Table steps in one standard deviation."""
MAX_SIGMA = 80.0
"""The strongest noise, in grey levels, whose tails fit the int16 grid."""
_EDGE = 64
_FINER = 1024
_PIECE = 1 << 16


@lru_cache(maxsize=1)
def quantiles() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(for 16-bit words, for the lower tail's 16-bit refinements), in 1/4096 standard deviations."""
    count = 1 << 16
    lower = _table((j + 0.5) / count for j in range(count // 2))
    tail = _table((j + 0.5) / (count * _FINER) for j in range(_EDGE * _FINER))
    return np.concatenate([lower, -lower[::-1]]), tail


def normals(stream: Stream, count: int, spread: float) -> NDArray[np.int16]:
    """`count` normal values of standard deviation `spread`, rounded to whole numbers."""
    body, tail = quantiles()
    words = stream.words(count, 16)
    values = _look_up(_scaled(body, spread), words)
    # adding the edge's width brings both ends together at the bottom, because 16 bits wrap around
    turned = words + np.uint16(_EDGE)
    where = np.flatnonzero(turned < np.uint16(2 * _EDGE))
    ends = turned[where].astype(np.intp)
    upper = ends < _EDGE
    # the upper tail is the lower one mirrored
    bins = np.where(upper, _EDGE - 1 - ends, ends - _EDGE)
    finer = stream.words(len(where), 16) & np.uint16(_FINER - 1)
    lower = _scaled(tail, spread)[bins * _FINER + finer]
    values[where] = np.where(upper, -lower, lower)
    return values


def add_gaussian(picture: Picture, sigma: float, grey: bool, stream: Stream) -> NDArray[np.int16]:
    """The picture with noise of `sigma` grey levels, one plane for all channels if `grey`; not cut."""
    base = fine(picture)
    height, width, channels = base.shape
    planes = 1 if grey else channels
    noise: Any = normals(stream, height * width * planes, sigma * STEPS).reshape(height, width, planes)
    if grey:
        noise = cv2.merge([noise[:, :, 0]] * channels)
    # OpenCV's int16 sum stops at the type's limits, both beyond what can be shown
    total: Any = cv2.add(base, noise)
    return total


def _table(shares: Iterable[float]) -> NDArray[np.int16]:
    quantile = NormalDist().inv_cdf
    return np.array([round(quantile(share) * UNIT) for share in shares], np.int16)


def _look_up(table: NDArray[np.int16], words: NDArray[np.unsignedinteger]) -> NDArray[np.int16]:
    """table[words], in pieces whose indices stay in the cache: three times as fast."""
    values = np.empty(words.shape, np.int16)
    for start in range(0, len(words), _PIECE):
        piece = slice(start, start + _PIECE)
        table.take(words[piece], mode="clip", out=values[piece])
    return values


def _scaled(table: NDArray[np.int16], spread: float) -> NDArray[np.int16]:
    return np.rint(table * (spread / UNIT)).astype(np.int16)
