"""Means, intervals, tests and ranks, against scipy and against figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from vfsrbench.results import stats

RNG = np.random.default_rng(11)
SHARED = RNG.normal(0, 2.0, 30)  # what makes a clip hard for every method
A = 27.0 + SHARED + RNG.normal(0, 0.3, 30)
B = 26.7 + SHARED + RNG.normal(0, 0.3, 30)


def test_frames_then_clips_differs_from_all_frames() -> None:
    """Two clips of 1 and 3 frames: means 10 and 20, so 15 over clips and 17.5 over frames."""
    values, frames = np.array([10.0, 20.0]), np.array([1.0, 3.0])
    assert stats.summarise(values).mean == 15.0
    assert stats.summarise(values, frames).mean == 17.5


def test_incomplete_cell_has_no_mean() -> None:
    cell = stats.summarise(np.array([1.0, np.nan, 3.0]))
    assert cell.mean is None and cell.interval is None and not cell.complete
    assert (cell.n, cell.total, cell.known_mean) == (2, 3, 2.0)
    nothing = stats.summarise(np.array([]))
    assert nothing.mean is None and not nothing.complete and np.isnan(nothing.known_mean)


def test_interval_agrees_with_scipy_bootstrap() -> None:
    ours = stats.summarise(A, seed=5).interval
    theirs = scipy.stats.bootstrap(
        (A,), np.mean, n_resamples=20_000, method="percentile", random_state=np.random.default_rng(0)
    ).confidence_interval
    assert ours is not None
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.04 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.04 * width)


def test_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        interval = stats.summarise(rng.normal(1.0, 2.0, 40), resamples=600).interval
        assert interval is not None
        covered += interval.low <= 1.0 <= interval.high
    assert 0.91 <= covered / 400 <= 0.975


def test_weighted_interval_follows_the_weights() -> None:
    """All weight on one clip leaves nothing to vary but whether that clip is drawn."""
    means = stats.bootstrap_means(np.array([0.0, 1.0]), np.array([1.0, 3.0]), resamples=4000)
    assert set(np.round(means, 6)) == {0.0, 0.75, 1.0}
    assert (means == 0.75).mean() == pytest.approx(0.5, abs=0.04)


def test_draws_are_seeded_and_do_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    first = stats.bootstrap_means(A, seed=1)
    assert np.array_equal(first, stats.bootstrap_means(A, seed=1))
    assert not np.array_equal(first, stats.bootstrap_means(A, seed=2))
    monkeypatch.setattr(stats, "_CHUNK", 7 * len(A))
    assert np.array_equal(first, stats.bootstrap_means(A, seed=1))


def test_paired_difference_is_narrower_than_its_parts() -> None:
    """Pairing takes the clips' common difficulty out: that is what it is for."""
    found = stats.compare({"a": A, "b": B}, "a", "higher")["b"]
    own = stats.summarise(A).interval
    assert found.interval is not None and own is not None
    assert found.interval.high - found.interval.low < 0.3 * (own.high - own.low)
    theirs = scipy.stats.bootstrap(
        (A, B),
        lambda x, y, axis: (x - y).mean(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    assert found.interval.low == pytest.approx(theirs.low, abs=0.01)
    assert found.interval.high == pytest.approx(theirs.high, abs=0.01)


def test_tests_agree_with_scipy_and_the_textbook() -> None:
    found = stats.compare({"a": A, "b": B}, "a", "higher")["b"]
    d = A - B
    assert found.t == pytest.approx(d.mean() / (d.std(ddof=1) / np.sqrt(len(d))), rel=1e-12)
    theirs = scipy.stats.ttest_rel(A, B)
    assert (found.t, found.t_p) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue))
    assert found.wilcoxon_p == pytest.approx(scipy.stats.wilcoxon(A, B).pvalue)
    assert found.wins == (A > B).mean()
    assert found.difference == pytest.approx(d.mean())


def test_lower_is_better_turns_the_sign() -> None:
    found = stats.compare({"a": -A, "b": -B}, "a", "lower")["b"]
    same = stats.compare({"a": A, "b": B}, "a", "higher")["b"]
    assert found.t == pytest.approx(same.t)
    assert (found.difference, found.wins) == (pytest.approx(same.difference), same.wins)


def test_equal_series_give_zero_and_one_as_secnet_prints() -> None:
    assert stats.paired_t(A, A) == (0.0, 1.0)
    assert stats.wilcoxon_p(A, A) == 1.0
    assert stats.win_rate(A, A, "higher") == 0.5
    assert stats.paired_t(np.array([2.0, 5.0]), np.array([1.0, 4.0])) == (np.inf, 0.0)
    assert all(np.isnan(x) for x in stats.paired_t(A[:1], B[:1]))


def test_holm_by_hand() -> None:
    """p sorted .01 .02 .03 .5: times 4, 3, 2, 1, never falling."""
    assert stats.holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert stats.holm([0.04, float("nan"), 0.6]) == pytest.approx([0.08, float("nan"), 0.6], nan_ok=True)
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]


def test_compare_uses_only_the_clips_that_both_have() -> None:
    holed = B.copy()
    holed[:5] = np.nan
    found = stats.compare({"a": A, "b": holed}, "a", "higher")["b"]
    assert found.n == 25
    assert found.difference == pytest.approx((A[5:] - B[5:]).mean())


def test_ranks_show_ties_as_ties() -> None:
    rng = np.random.default_rng(4)
    series = {
        "best": A + 3,
        "twin": A + 3 + rng.normal(0, 0.2, 30) * np.tile([1, -1], 15),
        "last": A - 3,
        "holed": np.where(np.arange(30) == 2, np.nan, A),
    }
    found = stats.ranks(series, "higher")
    assert {m: str(r) for m, r in found.items()} == {"best": "1–2", "twin": "1–2", "last": "3"}
    turned = stats.ranks({m: -v for m, v in series.items()}, "lower")
    assert turned == found
    assert stats.ranks({"a": A[:1], "b": B[:1]}, "higher") == {}


def test_win_matrix_sums_to_one() -> None:
    rates = stats.win_matrix({"a": A, "b": B, "c": np.where(A > 27, A, B)}, "higher")
    assert len(rates) == 6
    for (a, b), rate in rates.items():
        assert rate + rates[b, a] == pytest.approx(1.0)
    assert rates["a", "b"] == (A > B).mean()


@pytest.mark.parametrize("count", [2, 3, 6, 13, 50, 51, 60])
def test_both_tests_are_scipys_for_any_number_of_clips(count: int) -> None:
    rng = np.random.default_rng(count)
    a = rng.normal(size=count)
    for b in (a + rng.normal(0.3, 1, count), np.round(a + rng.normal(size=count), 1)):
        t, p = stats.paired_t(a, b)
        want = scipy.stats.ttest_rel(a, b)
        assert (t, p) == (pytest.approx(want.statistic, rel=1e-9), pytest.approx(want.pvalue, rel=1e-9))
        assert stats.wilcoxon_p(a, b) == pytest.approx(scipy.stats.wilcoxon(a - b).pvalue, rel=1e-12)


def test_equal_sizes_and_zeros_are_left_to_scipy() -> None:
    difference = np.array([1.0, -1.0, 2.0, 3.0, 0.0, 4.0, -2.0])
    assert stats.wilcoxon_p(difference, np.zeros(7)) == scipy.stats.wilcoxon(difference).pvalue
