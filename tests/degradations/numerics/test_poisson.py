"""Poisson noise follows the Poisson distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from degradations.numerics.grid import STEPS
from degradations.numerics.poisson import _poisson, add_poisson, luma
from degradations.numerics.streams import Stream
from tests.degradations.clips import moving_clip

COUNT = 60_000


@pytest.mark.parametrize("value", [1, 3, 40, 128, 255])
@pytest.mark.parametrize(("steps", "per"), [(1, "unit"), (64, "unit"), (256, "unit"), (1, "level")])
def test_small_means_follow_the_distribution(value: int, steps: int, per: str) -> None:
    mean = value * steps / (255 if per == "unit" else 1)
    counts = _poisson(np.full(COUNT, value, np.uint8), steps, per, Stream("p", value, steps, per))
    found = np.bincount(counts.astype(int))
    expected = stats.poisson.pmf(np.arange(found.size), mean) * COUNT
    common = expected > 8
    statistic = ((found[common] - expected[common]) ** 2 / expected[common]).sum()
    assert stats.chi2.sf(statistic, common.sum()) > 1e-4


@pytest.mark.parametrize("value", [2, 100, 255])
def test_large_means_have_the_right_moments(value: int) -> None:
    mean = value * 256
    counts = _poisson(np.full(COUNT, value, np.uint8), 256, "level", Stream("large", value))
    assert counts.mean() == pytest.approx(mean, abs=4 * (mean / COUNT) ** 0.5)
    assert counts.var() == pytest.approx(mean, rel=0.03)
    assert stats.skew(counts) == pytest.approx(mean**-0.5, abs=0.05)


def test_black_has_no_photons_and_the_noise_of_every_level_is_poissons() -> None:
    """Each level's 9,000 deviations against the distribution's own moments, 255 levels at once.

    The chance that a sound sampler fails is 1e-4 for all levels together (Bonferroni: 5.2 standard errors).
    One level's variance has a standard error of 1.5 %, that of all levels together 0.1 %, so a variance that
    is off by 8 % at one level, or by 0.5 % at all of them, is found.
    """
    count = 3000
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], count, axis=1)
    frame = np.stack([ramp] * 3, axis=2)
    noise = add_poisson(frame, 1.0, False, "unit", Stream("ramp")) - frame.astype(np.int16) * STEPS
    assert (noise[0] == 0).all()
    deviations = noise[1:].reshape(255, -1).astype(np.float64) / STEPS
    per_level = deviations.shape[1]
    photons = np.arange(1, 256) * 256 / 255  # 256 distinct values, so a level x has the mean 256 x / 255
    variance = photons * (255 / 256) ** 2 + 1 / 12 / STEPS**2  # in levels, and what rounding to the grid adds
    bound = stats.norm.isf(1e-4 / (4 * 255))
    means = deviations.mean(1) / np.sqrt(variance / per_level)
    assert np.abs(means).max() < bound
    # Var(s^2) = (mu_4 - sigma^4) / n; a Poisson number's fourth central moment is m + 3 m^2
    ratio = (deviations**2).mean(1) / variance
    error = np.sqrt((2 + 1 / photons) / per_level)
    assert np.abs((ratio - 1) / error).max() < bound
    pooled = np.average(ratio, weights=error**-2)
    assert abs(pooled - 1) < bound / np.sqrt((error**-2).sum())


def test_grey_noise_comes_from_luma_and_is_shared() -> None:
    frame = moving_clip(1, 40, 40)[0]
    noise = add_poisson(frame, 2.0, True, "unit", Stream("grey")) - frame.astype(np.int16) * STEPS
    assert (noise == noise[:, :, :1]).all()
    assert noise.std() > 0


def test_luma_is_the_rounded_weighted_sum() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    exact = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luma(pixels) - exact).max() < 0.51
