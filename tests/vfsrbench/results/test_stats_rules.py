"""Tests and places under the board's averaging rule, and values that came with few decimals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.stats

from vfsrbench.results import stats

RNG = np.random.default_rng(5)
A = 27.0 + RNG.normal(0, 2.0, 12)
B = A - RNG.normal(0.2, 0.5, 12)
EQUAL = np.full(12, 30.0)
FRAMES = RNG.integers(5, 90, 12).astype(float)


def test_a_constant_difference_has_no_finite_t() -> None:
    """Added to values with noise in their last bits it is not constant in binary."""
    a = np.array([30.1, 30.3, 30.7, 28.0, 25.3, 27.7, 26.9, 31.4, 33.3, 29.9, 24.2, 28.8])
    other = np.round(a - 0.2, 1)
    assert np.ptp(a - other) > 0
    assert stats.paired_t(a, other) == (np.inf, 0.0) and stats.paired_t(other, a) == (-np.inf, 0.0)
    assert stats.paired_t(A, A + 1e-14) == (0.0, 1.0)
    found = stats.compare({"a": a, "b": other}, "a", "lower", {"a": FRAMES, "b": FRAMES})["b"]
    assert (found.t, found.t_p) == (-np.inf, 0.0)


def test_values_of_few_decimals_tie_as_they_print() -> None:
    """30.1 - 29.9 and 30.3 - 30.1 are both 0.2 on paper, and differ in binary."""
    a = np.array([30.1, 30.3, 30.7, 28.0, 25.5, 31.2, 26.0])
    b = np.array([29.9, 30.1, 30.9, 28.3, 25.0, 31.2, 25.3])
    tenths = np.array([2, 2, -2, -3, 5, 0, 7])
    assert len(np.unique(np.abs(a - b)[:3])) > 1
    assert stats.wilcoxon_p(a, b) == scipy.stats.wilcoxon(tenths).pvalue
    assert stats.win_rate(np.array([0.1 + 0.2]), np.array([0.3]), "higher") == 0.5


def test_a_mean_that_differs_by_noise_is_no_place_above() -> None:
    found = stats.ranks({"a": A, "b": A + 1e-14}, "higher")
    assert {str(rank) for rank in found.values()} == {"1–2"}


def test_equal_weights_change_nothing() -> None:
    weighted = stats.compare({"a": A, "b": B}, "a", "higher", {"a": EQUAL, "b": EQUAL})["b"]
    plain = stats.compare({"a": A, "b": B}, "a", "higher")["b"]
    assert vars(weighted).keys() == vars(plain).keys()
    for name in ("n", "difference", "t", "t_p", "wilcoxon_p", "holm_p", "wins"):
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name), rel=1e-9), name
    assert weighted.interval is not None and plain.interval is not None
    assert weighted.interval.low == pytest.approx(plain.interval.low, rel=1e-9)
    assert stats.ranks({"a": A, "b": B}, "higher", {"a": EQUAL, "b": EQUAL}) == stats.ranks(
        {"a": A, "b": B}, "higher"
    )


def test_weights_turn_difference_t_and_places() -> None:
    """Better on many short clips, worse on two long ones: over frames it loses."""
    a = np.full(12, 30.0) + RNG.normal(0, 0.01, 12)
    b = a - np.where(np.arange(12) < 10, 0.3, -1.0)
    frames = np.where(np.arange(12) < 10, 10.0, 200.0)
    both = {"a": a, "b": b}
    weights = {"a": frames, "b": frames}
    plain = stats.compare(both, "a", "higher")["b"]
    weighted = stats.compare(both, "a", "higher", weights)["b"]
    assert plain.difference > 0 > weighted.difference and plain.t > 0 > weighted.t
    assert weighted.difference == pytest.approx((frames * (a - b)).sum() / frames.sum())
    assert (
        weighted.interval is not None and weighted.interval.low < weighted.difference < weighted.interval.high
    )
    assert plain.wins == weighted.wins == 10 / 12, "clips won are a count of clips"


def test_the_weighted_t_is_the_difference_over_its_linearised_error() -> None:
    """The delta method by hand: the error of a ratio of sums over independent clips."""
    wa, wb = FRAMES, FRAMES + RNG.integers(0, 5, 12)
    t, p = stats.paired_t(A, B, (wa, wb))
    ratio_a, ratio_b = (A * wa).sum() / wa.sum(), (B * wb).sum() / wb.sum()
    error = (wa * A - ratio_a * wa) / wa.mean() - (wb * B - ratio_b * wb) / wb.mean()
    want = (ratio_a - ratio_b) / np.sqrt(error.var(ddof=1) / 12)
    assert t == pytest.approx(want) and p == pytest.approx(2 * scipy.stats.t.sf(abs(want), 11))


def test_the_weighted_signed_rank_test_tries_all_signs() -> None:
    difference = np.array([0.3, -0.1, 0.5, 0.2, 0.4])
    weights = np.array([4.0, 1.0, 2.0, 2.0, 3.0])
    scores = np.array([3, 1, 5, 2, 4]) * weights
    total = abs((np.sign(difference) * scores).sum())
    sums = [abs(np.dot(signs, scores)) for signs in product((-1, 1), repeat=5)]
    assert stats.wilcoxon_p(difference, np.zeros(5), weights) == np.mean(np.array(sums) >= total)
    assert stats.wilcoxon_p(A, B, EQUAL) == stats.wilcoxon_p(A, B)
    many = RNG.normal(0.3, 1, 200)
    w = RNG.integers(1, 50, 200).astype(float)
    drawn = np.sign(RNG.normal(size=(20_000, 200))) @ (scipy.stats.rankdata(abs(many)) * w)
    own = (np.sign(many) * scipy.stats.rankdata(abs(many)) * w).sum()
    assert stats.wilcoxon_p(many, np.zeros(200), w) == pytest.approx(
        (abs(drawn) >= abs(own)).mean(), abs=0.02
    )
