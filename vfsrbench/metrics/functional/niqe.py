"""NIQE (Mittal et al., IEEE Signal Processing Letters 2013), as BasicSR and the authors' MATLAB code do it.

How far a picture's statistics lie from those of pristine photographs: 18 numbers at each of two scales for
every 96x96 block of the luma, a Gaussian over the blocks, and its distance to the published Gaussian.
Lower is better. float64, like MATLAB, but for one subtraction: in flat areas (letterbox bars, saturated sky)
float64 leaves +-1e-14, and beside their corners 1e-6, where BasicSR's float32 gives exact zeros, and the fit
splits the numbers by sign; so pixel minus mean is taken in float32. The rest of BasicSR's float32 moves the
result by about 1e-5, and by 1e-3 where that tips a fitted shape to the next step of its table.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.resize import taps
from vfsrbench.errors import InputError
from vfsrbench.metrics.functional.frechet import Gaussian
from vfsrbench.metrics.pixels import luma

BLOCK = 96
FEATURES = 36

Array = NDArray[np.float64]


def niqe(frame: NDArray[np.uint8]) -> float:
    """NIQE of an RGB picture (H, W, 3) uint8: its BT.601 luma, rounded to whole grey levels.

    NaN when fewer than two blocks of 96x96 fit or have any structure: no covariance can be had.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise InputError(f"NIQE takes uint8 RGB pictures (H, W, 3), got {frame.dtype} {frame.shape}")
    return niqe_of_gray(np.rint(luma(frame)))


def niqe_of_gray(gray: Array) -> float:
    """NIQE of a picture (H, W), 0..255. What does not fill a whole block at the right and at the bottom is
    left out."""
    rows, columns = gray.shape[0] // BLOCK, gray.shape[1] // BLOCK
    picture = np.asarray(gray, dtype=np.float64)[: rows * BLOCK, : columns * BLOCK]
    if rows * columns < 2:
        return float("nan")
    small = _halved(picture)
    found = np.concatenate([_features(picture, BLOCK), _features(small, BLOCK // 2)], axis=1)
    whole = found[~np.isnan(found).any(axis=1)]
    if len(whole) < 2:
        return float("nan")
    pristine = pristine_features()
    away = pristine.mean - np.nanmean(found, axis=0)
    spread = (pristine.covariance + np.cov(whole, rowvar=False)) / 2
    return float(np.sqrt((np.outer(away, away) * np.linalg.pinv(spread)).sum()))


@lru_cache(maxsize=1)
def pristine_features() -> Gaussian:
    """The published Gaussian of pristine pictures' features (functional/data/niqe.json)."""
    folder = resources.files("vfsrbench.metrics.functional.data")
    text = folder.joinpath("niqe.json").read_text(encoding="utf-8")
    numbers = json.loads(text)
    lower = np.zeros((FEATURES, FEATURES))
    for row, values in enumerate(numbers["covariance"]):
        lower[row, : row + 1] = values
    return Gaussian(np.array(numbers["mean"]), lower + np.tril(lower, -1).T)


def _halved(picture: Array) -> Array:
    """MATLAB's imresize to half: antialiased cubic, mirrored edges, not rounded."""
    for _ in range(2):  # rows, then columns
        plan = taps(len(picture), len(picture) // 2, "matlab")
        terms = [picture[plan.index[:, k]] * plan.weight[:, k, None] for k in range(plan.index.shape[1])]
        picture = (np.sum(terms, axis=0) / (1 << plan.bits)).T
    return picture


def _features(picture: Array, side: int) -> Array:
    """(blocks, 18): asymmetric generalized Gaussians of the normalized picture and of the products of
    neighbours to the right, below, and along both diagonals (wrapping around within a block)."""
    normalized = _normalized(picture)
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    blocks = normalized.reshape(rows, side, columns, side).transpose(0, 2, 1, 3).reshape(-1, side, side)
    alpha, left, right = _fit(blocks)
    found = [alpha, (left + right) / 2]
    from scipy.special import gamma

    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        alpha, left, right = _fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        found += [alpha, (right - left) * (gamma(2 / alpha) / gamma(1 / alpha)), left, right]
    return np.stack(found, axis=1)


def _normalized(picture: Array) -> Array:
    """(I - mean) / (deviation + 1) under a 7x7 Gaussian of sigma 7/6; edges repeat their last pixel."""
    from scipy.ndimage import correlate1d

    offsets = np.arange(-3, 4)
    window = np.exp(-0.5 * (offsets / (7 / 6)) ** 2)
    window /= window.sum()

    def blur(values: Array) -> Array:
        return correlate1d(correlate1d(values, window, 0, mode="nearest"), window, 1, mode="nearest")

    mean = blur(picture)
    deviation = np.sqrt(np.abs(blur(picture * picture) - mean * mean))
    centred = picture.astype(np.float32) - mean.astype(np.float32)  # exact zeros in flat areas
    return centred.astype(np.float64) / (deviation + 1)


def _fit(blocks: Array) -> tuple[Array, Array, Array]:
    """Shape, left and right scale of an asymmetric generalized Gaussian for each block, by moments."""
    from scipy.special import gamma

    values = blocks.reshape(len(blocks), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt(_mean_where(values * values, values < 0))
        right = np.sqrt(_mean_where(values * values, values > 0))
        ratio = left / right
        flatness = np.abs(values).mean(1) ** 2 / (values * values).mean(1)
        target = flatness * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, moments = _shape_table()
    # argmin takes the first shape for a block without structure, whose target is NaN, as BasicSR does
    alpha = shapes[np.array([np.argmin((moments - t) ** 2) for t in target])]
    scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    return alpha, left * scale, right * scale


def _mean_where(values: Array, chosen: NDArray[np.bool_]) -> Array:
    """Means along the last axis over the chosen values; NaN where there is none."""
    return (values * chosen).sum(1) / chosen.sum(1)


@lru_cache(maxsize=1)
def _shape_table() -> tuple[Array, Array]:
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.001, 0.001)
    return shapes, gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
