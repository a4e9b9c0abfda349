"""Resizing with whole-number weights: exact, and the same as OpenCV's and MATLAB's up to their rounding.

Along each axis every output pixel is a weighted sum of a few input pixels. Weights are found with IEEE basic
operations only (sines in decimals), apportioned to 2^16, and reduced: the weights of area, linear and cubic
at dyadic factors stay exactly the published ones. Positions are half-pixel centred.

    area, linear, cubic (a = -0.75), lanczos (8 taps)   as OpenCV's resize; no antialiasing in the last three
    matlab                                              as MATLAB's imresize: cubic (a = -0.5), antialiased
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.numerics.exact_arithmetic import DIGITS, PI, apportion, cos_sin, localcontext
from degradations.numerics.grid import STEPS, Picture, settle

METHODS = ("area", "linear", "cubic", "lanczos", "matlab")
_BITS = 16
_FLOAT32_EXACT = 1 << 24

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Taps:
    """Output i is sum_k weight[i, k] * input[index[i, k]] / 2^bits."""

    index: NDArray[np.int64]
    weight: NDArray[np.int64]
    bits: int

    def gain(self) -> int:
        """The largest sum of absolute weights: how far a sum can exceed the largest input."""
        return int(np.abs(self.weight).sum(axis=1).max())


def resize(picture: Picture, height: int, width: int, method: str) -> NDArray[np.int16]:
    """The picture at `height` x `width`, in sixty-fourths of a grey level, not cut to 0..255."""
    down = taps(picture.shape[0], height, method)
    across = taps(picture.shape[1], width, method)
    peak = 255 if picture.dtype == np.uint8 else 1 << 15
    rows = _weighted_rows(picture, down, peak)
    columns = _weighted_rows(cv2.transpose(rows), across, peak * down.gain())
    sums: NDArray[Any] = cv2.transpose(columns)
    unit = STEPS if picture.dtype == np.uint8 else 1
    sums *= unit / (1 << down.bits + across.bits)
    return settle(sums)


def subsample(picture: Picture, step: int, phase: int) -> Picture:
    """Every `step`-th pixel of every `step`-th row, from pixel `phase` on."""
    kept: Any = picture[phase::step, phase::step]
    return np.ascontiguousarray(kept)


@lru_cache(maxsize=512)
def taps(source: int, target: int, method: str) -> Taps:
    """How `target` pixels are made of `source` pixels along one axis."""
    index, weight = real_taps(source, target, method)
    whole = apportion(weight, 1 << _BITS)
    used = (whole != 0).any(axis=0)
    index, whole = index[:, used], whole[:, used]
    common = int(np.gcd.reduce(whole, axis=None))
    shared = common & -common  # the largest power of two in all weights
    return Taps(index, whole // shared, _BITS - shared.bit_length() + 1)


def real_taps(source: int, target: int, method: str) -> tuple[NDArray[np.int64], Floats]:
    """`taps` before they are made whole numbers: indices and weights (target, k), rows not yet of sum 1."""
    return _RULES[method](source, target)


def _weighted_rows(image: NDArray[Any], plan: Taps, peak: int) -> NDArray[Any]:
    """The weighted sums of rows, exact: float32 where 24 bits suffice, else float64."""
    kind: type[np.floating[Any]] = np.float32 if peak * plan.gain() < _FLOAT32_EXACT else np.float64
    total: NDArray[Any] = np.zeros((len(plan.index), *image.shape[1:]), kind)
    for k in range(plan.index.shape[1]):
        weight = plan.weight[:, k]
        term = image[plan.index[:, k]].astype(kind, copy=False)
        if (weight != 1).any():
            term *= weight.astype(kind)[:, None, None]
        total += term
    return total


def _centres(source: int, target: int) -> Floats:
    """Where the output pixels' centres lie in the input, in pixels."""
    places: Floats = np.arange(target, dtype=np.float64)
    return (places + 0.5) * (source / target) - 0.5


def _around(centres: Floats, reach: float, count: int) -> tuple[NDArray[np.int64], Floats]:
    """`count` pixels for each centre, from the first within `reach` of it on; and their distances to it."""
    first = np.ceil(centres - reach)
    pixels = first[:, None] + np.arange(count)
    return pixels.astype(np.int64), np.abs(pixels - centres[:, None])


def _replicated(pixels: NDArray[np.int64], source: int) -> NDArray[np.int64]:
    return np.clip(pixels, 0, source - 1)


def _mirrored(pixels: NDArray[np.int64], source: int) -> NDArray[np.int64]:
    """Half-sample symmetric: -1 is 0, -2 is 1, and so on."""
    turned = np.mod(pixels, 2 * source)
    return np.where(turned < source, turned, 2 * source - 1 - turned)


def _keys(distance: Floats, a: float) -> Floats:
    """The cubic convolution kernel (Keys 1981)."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _area(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    if target > source:
        return _area_enlarged(source, target)
    scale = source / target
    start = np.arange(target) * scale
    pixels = np.floor(start)[:, None] + np.arange(int(np.ceil(scale)) + 1)
    overlap = np.minimum(pixels + 1, (start + scale)[:, None]) - np.maximum(pixels, start[:, None])
    return _replicated(pixels.astype(np.int64), source), np.maximum(overlap, 0.0)


def _area_enlarged(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    """What OpenCV does for enlarging "by area": linear, but flat where an output pixel has one parent."""
    position = np.arange(target)
    pixel = np.floor(position * (source / target))
    share = (position + 1) - (pixel + 1) * (target / source)
    share = np.where(share <= 0, 0.0, share - np.floor(share))
    pixels = pixel[:, None].astype(np.int64) + np.arange(2)
    return _replicated(pixels, source), np.stack([1 - share, share], axis=1)


def _linear(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    pixels, distance = _around(_centres(source, target), 1.0, 2)
    return _replicated(pixels, source), np.maximum(1 - distance, 0.0)


def _cubic(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    pixels, distance = _around(_centres(source, target), 2.0, 4)
    return _replicated(pixels, source), _keys(distance, -0.75)


def _matlab(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    stretch = max(1.0, source / target)
    count = int(np.ceil(4 * stretch)) + 1
    pixels, distance = _around(_centres(source, target), 2 * stretch, count)
    return _mirrored(pixels, source), _keys(distance / stretch, -0.5)


def _lanczos(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    pixels, distance = _around(_centres(source, target), 4.0, 8)
    windowed = {d: _lanczos4(d) for d in np.unique(distance).tolist()}
    weights = [[windowed[d] for d in row] for row in distance.tolist()]
    return _replicated(pixels, source), np.array(weights)


def _lanczos4(distance: float) -> float:
    """sinc(d) sinc(d / 4) for d < 4."""
    if distance == 0:
        return 1.0
    if distance >= 4:
        return 0.0
    with localcontext(DIGITS):
        x = Decimal(distance) * PI
        return float(4 * cos_sin(x)[1] * cos_sin(x / 4)[1] / (x * x))


_RULES = {"area": _area, "linear": _linear, "cubic": _cubic, "matlab": _matlab, "lanczos": _lanczos}
