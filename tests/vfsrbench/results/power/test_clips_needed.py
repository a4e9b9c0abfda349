"""The number of clips that a comparison takes, against the definition of a test's power."""

from __future__ import annotations

import numpy as np
import pytest

from vfsrbench.results.power.clips_needed import clips_for, clips_needed, paired_power


@pytest.mark.parametrize(("effect", "clips"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_published_sizes(effect: float, clips: int) -> None:
    """Effects of Cohen's sizes, as G*Power 3.1 gives them (difference of two dependent means, two tails, 5 %,
    80 %)."""
    assert clips_for(effect) == clips == clips_for(-effect)


@pytest.mark.parametrize(("effect", "clips"), [(0.4, 20), (1.0, 10), (1.5, 3)])
def test_the_power_is_how_often_the_test_finds_it(effect: float, clips: int) -> None:
    from scipy.stats import nct, t, ttest_rel

    rng = np.random.default_rng(0)
    differences = rng.normal(effect, 1.0, (20_000, clips))
    found = ttest_rel(differences, np.zeros_like(differences), axis=1).pvalue < 0.05
    assert paired_power(effect, clips) == pytest.approx(found.mean(), abs=0.012)
    bound = t.ppf(0.975, clips - 1)
    shift = effect * clips**0.5
    exact = nct.sf(bound, clips - 1, shift) + nct.cdf(-bound, clips - 1, shift)
    assert paired_power(effect, clips) == pytest.approx(exact, abs=1e-9)


def test_the_least_number_and_the_ends() -> None:
    for effect in (0.07, 0.33, 1.7):
        clips = clips_for(effect)
        assert clips is not None and paired_power(effect, clips) >= 0.8
        assert clips == 2 or paired_power(effect, clips - 1) < 0.8
    assert clips_for(0.0) is None and clips_for(float("nan")) is None and clips_for(1e-6) is None
    assert clips_for(float("inf")) == 2


def test_of_two_methods() -> None:
    base = np.array([30.0, 28.0, np.nan, 31.0, 29.0])
    assert clips_needed(base, base) is None
    assert clips_needed(base, base + 0.5) == 2
    other = base + np.array([0.5, -0.2, 0.1, 0.4, 0.3])
    spread = np.array([0.5, -0.2, 0.4, 0.3])
    assert clips_needed(base, other) == clips_for(spread.mean() / spread.std(ddof=1))
    assert clips_needed(base[:1], other[:1]) is None
