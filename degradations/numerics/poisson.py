"""Poisson noise (Real-ESRGAN's model) by exact inversion of the distribution function.

The picture is rounded to 8 bits; with n distinct values in it, v = 2^ceil(log2 n), and each value x is
replaced by P / v for a Poisson number P of mean x v, x counted in whole units of white ("unit", BasicSR) or
of one grey level ("level", mmagic, 255 times less noise power). The deviation is scaled and added.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from degradations.numerics.exact_arithmetic import DIGITS, localcontext
from degradations.numerics.gaussian import UNIT, normals
from degradations.numerics.grid import STEPS, Picture, fine, settle, whole
from degradations.numerics.streams import Stream

_EXACT_UP_TO = 300
_BITS = 32
_GUIDE_BITS = 12


def add_poisson(picture: Picture, scale: float, grey: bool, per: str, stream: Stream) -> NDArray[np.int16]:
    """The picture with `scale` times its Poisson deviation, from its grey values if `grey`; not cut."""
    levels = whole(picture)
    source = luma(levels)[:, :, None] if grey else levels
    distinct = int(np.count_nonzero(np.bincount(source.ravel(), minlength=256)))
    steps = 1 << (distinct - 1).bit_length()
    counts = _poisson(source.ravel(), steps, per, stream).reshape(source.shape)
    in_levels = counts * (255 if per == "unit" else 1) / steps
    deviation = (in_levels - source) * (scale * STEPS)
    total = fine(picture).astype(np.float64) + np.rint(deviation)
    return settle(total)


def luma(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey values 0.299 R + 0.587 G + 0.114 B of 8-bit pixels, rounded, in 14-bit fixed point."""
    red, green, blue = (levels[:, :, c].astype(np.int32) for c in range(3))
    return ((4899 * red + 9617 * green + 1868 * blue + 8192) >> 14).astype(np.uint8)


def _poisson(values: NDArray[np.uint8], steps: int, per: str, stream: Stream) -> NDArray[np.float64]:
    """One Poisson number a value."""
    unit = 255 if per == "unit" else 1
    wide = values.astype(np.int64) * steps > _EXACT_UP_TO * unit
    counts = np.zeros(values.shape)
    counts[~wide] = _by_inversion(values[~wide], steps, unit, stream)
    if wide.any():
        counts[wide] = _by_expansion(values[wide].astype(np.float64) * steps / unit, stream)
    return counts


def _by_inversion(values: NDArray[np.uint8], steps: int, unit: int, stream: Stream) -> NDArray[np.float64]:
    """For small means: where a uniform number falls among the values of the distribution function."""
    crossings = _crossings(steps, unit)
    chances = stream.words(len(values), _BITS)
    cells = (values.astype(np.uint32) << _GUIDE_BITS) | (chances >> np.uint32(_BITS - _GUIDE_BITS))
    counts = crossings.guide[cells]
    unsure = np.flatnonzero(counts < 0)
    keys = (values[unsure].astype(np.uint64) << np.uint64(_BITS)) | chances[unsure]
    counts[unsure] = crossings.find(keys, values[unsure])
    return counts.astype(np.float64)


def _by_expansion(means: NDArray[np.float64], stream: Stream) -> NDArray[np.float64]:
    """For large means: the Cornish-Fisher expansion of the quantile, correct to about 1 / mean."""
    z = normals(stream, len(means), UNIT) / UNIT
    return np.rint(means + np.sqrt(means) * z + (z * z - 1) / 6)


@dataclass(frozen=True)
class _Crossings:
    """Where each 8-bit value's distribution function crosses: value * 2^32 + 2^32 F(k), ascending.

    `guide` answers at once for most numbers: the count for a value and a number's upper bits, -1 if unsure.
    """

    places: NDArray[np.uint64]
    starts: NDArray[np.int64]
    guide: NDArray[np.int16]

    def find(self, keys: NDArray[np.uint64], values: NDArray[np.integer]) -> NDArray[np.int16]:
        """The counts of keys value * 2^32 + number."""
        return (np.searchsorted(self.places, keys, side="right") - self.starts[values]).astype(np.int16)


@lru_cache(maxsize=16)
def _crossings(steps: int, unit: int) -> _Crossings:
    found: list[int] = []
    starts = []
    for value in range(256):
        starts.append(len(found))
        if value * steps <= _EXACT_UP_TO * unit:
            found.extend((value << _BITS) + place for place in _distribution(value * steps, unit))
    bare = _Crossings(np.array(found, np.uint64), np.array(starts, np.int64), np.empty(0, np.int16))
    cells = np.arange(256 << _GUIDE_BITS, dtype=np.uint64)
    values = (cells >> np.uint64(_GUIDE_BITS)).astype(np.int64)
    first = cells << np.uint64(_BITS - _GUIDE_BITS)
    last = first + np.uint64((1 << (_BITS - _GUIDE_BITS)) - 1)
    low, high = bare.find(first, values), bare.find(last, values)
    return _Crossings(bare.places, bare.starts, np.where(low == high, low, np.int16(-1)))


def _distribution(numerator: int, unit: int) -> list[int]:
    """2^32 F(k) for k = 0, 1, ... as whole numbers, up to the last that is below 2^32 - 1."""
    with localcontext(DIGITS):
        mean = Decimal(numerator) / unit
        chance = (-mean).exp()
        total, k, places = chance, 0, []
        while (place := int(total * (1 << _BITS))) < (1 << _BITS) - 1:
            places.append(place)
            k += 1
            chance = chance * mean / k
            total += chance
    return places
