"""Poisson noise follows the Poisson distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from degradations.grid import STEPS
from degradations.poisson import _poisson, add_poisson, luma
from degradations.streams import Stream
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


def test_black_has_no_photons_and_white_the_most() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 200, axis=1)
    frame = np.stack([ramp] * 3, axis=2)
    noise = add_poisson(frame, 1.0, False, "unit", Stream("ramp")) - frame.astype(np.int16) * STEPS
    assert (noise[0] == 0).all()
    strength = noise.std(axis=(1, 2)) / STEPS
    # variance in levels: 255 * value / 256 distinct values
    want = (255 * np.arange(256) / 256) ** 0.5
    np.testing.assert_allclose(strength[20:], want[20:], rtol=0.2)


def test_grey_noise_comes_from_luma_and_is_shared() -> None:
    frame = moving_clip(1, 40, 40)[0]
    noise = add_poisson(frame, 2.0, True, "unit", Stream("grey")) - frame.astype(np.int16) * STEPS
    assert (noise == noise[:, :, :1]).all()
    assert noise.std() > 0


def test_luma_is_the_rounded_weighted_sum() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    exact = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luma(pixels) - exact).max() < 0.51
