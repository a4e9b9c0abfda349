"""From clip values to what a table may claim: means, paired intervals, tests, ranks with ties, win rates.

Everything is paired over clips: all methods see the same clips, and a bootstrap resample draws the same
clips for all of them. Draws depend on the seed and the number of clips alone, so no figure moves when a
method is added or the files come in another order. scipy is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 10_000
LEVEL = 0.95
_EXACT = 50  # pairs, above which the signed-rank test takes the normal distribution
_CHUNK = 2_000_000  # drawn clips held at once: bounds the memory of a board with thousands of clips


@dataclass(frozen=True)
class Interval:
    """A two-sided interval, in the metric's unit."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One cell of a table: `n` of the `total` clips have a value.

    `mean` is None unless all have one; `known_mean` is the mean over those there are (NaN if none).
    `interval` is the 95 % bootstrap interval of the mean, None for an incomplete cell or fewer than two
    clips.
    """

    mean: float | None
    known_mean: float
    interval: Interval | None
    n: int
    total: int

    @property
    def complete(self) -> bool:
        return self.total > 0 and self.n == self.total


@dataclass(frozen=True)
class Comparison:
    """A method against a reference over the clips that both have, `n` of them.

    `difference` is the reference's mean minus the method's, turned so that positive says the reference is
    better; `interval` is its 95 % paired bootstrap interval. `t` and `t_p` are the paired t-test's (the
    F_t and F_p of SECNet's tables), `wilcoxon_p` the signed-rank test's, `holm_p` the same corrected for
    the number of methods compared. `wins` is the part of clips on which the reference is better, ties
    counting one half.
    """

    n: int
    difference: float
    interval: Interval | None
    t: float
    t_p: float
    wilcoxon_p: float
    holm_p: float
    wins: float


@dataclass(frozen=True)
class Rank:
    """The best and the worst place a method may hold: apart from those it ties with, order is sure."""

    best: int
    worst: int

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


def weighted_mean(values: Floats, weights: Floats | None = None) -> float:
    """Mean of the values that are there; `weights` (frames a clip, say) default to one each."""
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    w = np.ones_like(values) if weights is None else weights
    return float((values[known] * w[known]).sum() / w[known].sum())


def summarise(
    values: Floats, weights: Floats | None = None, *, seed: int = 0, resamples: int = RESAMPLES
) -> Summary:
    """One cell: `values` (one a clip, NaN where there is none) over all clips that the board expects."""
    n, total = int((~np.isnan(values)).sum()), len(values)
    known = weighted_mean(values, weights)
    if n < total or total == 0:
        return Summary(None, known, None, n, total)
    interval = None
    if total > 1 and np.isfinite(values).all():
        interval = percentile_interval(bootstrap_means(values, weights, seed=seed, resamples=resamples))
    return Summary(known, known, interval, n, total)


def bootstrap_means(
    values: Floats, weights: Floats | None = None, *, seed: int = 0, resamples: int = RESAMPLES
) -> Floats:
    """`resamples` means, each over as many clips drawn with replacement. No NaN may be among `values`."""
    n = len(values)
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, n], dtype=np.uint64)))
    means = np.empty(resamples)
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        drawn = rng.integers(0, n, size=(min(step, resamples - start), n))
        if weights is None:
            means[start : start + len(drawn)] = values[drawn].mean(axis=1)
        else:
            totals = (values * weights)[drawn].sum(axis=1)
            means[start : start + len(drawn)] = totals / weights[drawn].sum(axis=1)
    return means


def percentile_interval(draws: Floats, level: float = LEVEL) -> Interval:
    """The middle `level` of the draws."""
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def paired_t(reference: Floats, other: Floats) -> tuple[float, float]:
    """t and two-sided p of the paired t-test; t > 0 says that `reference` is larger.

    Equal series give (0, 1), as SECNet prints its own row; a constant difference gives (±inf, 0). Fewer
    than two pairs give NaN.
    """
    difference = reference - other
    if len(difference) < 2:
        return float("nan"), float("nan")
    if np.ptp(difference) == 0:
        step = float(difference[0])
        return (0.0, 1.0) if step == 0 else (float(np.copysign(np.inf, step)), 0.0)
    from scipy.special import stdtr  # scipy.stats takes far longer to import

    count = len(difference)
    t = float(difference.mean() / np.sqrt(difference.var(ddof=1) / count))
    return t, float(2 * stdtr(count - 1, -abs(t)))


def wilcoxon_p(reference: Floats, other: Floats) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where nothing differs, NaN without pairs."""
    difference = reference - other
    if not len(difference):
        return float("nan")
    if not difference.any():
        return 1.0
    size = np.abs(difference)
    if len(size) <= _EXACT and size.all() and len(np.unique(size)) == len(size):
        ranks = size.argsort().argsort() + 1
        return _signed_rank_p(int(ranks[difference > 0].sum()), len(size))
    from scipy.stats import wilcoxon

    return float(wilcoxon(difference).pvalue)


def _signed_rank_p(total: int, count: int) -> float:
    """Two-sided exact p of a sum of positive ranks: all 2^count signs of the ranks 1..count are alike."""
    ways = np.ones(1)
    for rank in range(1, count + 1):
        ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
    chance = ways / 2.0**count
    return float(min(1.0, 2 * min(chance[: total + 1].sum(), chance[total:].sum())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the given order; NaN stays NaN and does not count as a test."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(p), np.nan)
    order = [i for i in np.argsort(p, kind="stable") if not np.isnan(p[i])]
    worst = 0.0
    for position, i in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - position) * p[i]))
        adjusted[i] = worst
    return [float(x) for x in adjusted]


def win_rate(reference: Floats, other: Floats, direction: str) -> float:
    """Part of the clips on which `reference` is better; a tie counts one half. NaN without pairs."""
    gain = _turn(reference - other, direction)
    return float(((gain > 0) + 0.5 * (gain == 0)).mean()) if len(gain) else float("nan")


def compare(
    series: Mapping[str, Floats],
    reference: str,
    direction: str,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Comparison]:
    """Every other method against `reference`, over the clips that both have (NaN: not there).

    `series` maps a method to one value a clip, clips in the same order for all. `direction` is `higher`
    or `lower`: which is better.
    """
    found: dict[str, Comparison] = {}
    base = series[reference]
    for name, values in series.items():
        if name == reference:
            continue
        both = np.isfinite(base) & np.isfinite(values)
        a, b = base[both], values[both]
        gain = _turn(a - b, direction)
        t, t_p = paired_t(_turn(a, direction), _turn(b, direction))
        spread = bootstrap_means(gain, seed=seed, resamples=resamples) if len(gain) > 1 else None
        found[name] = Comparison(
            n=len(gain),
            difference=float(gain.mean()) if len(gain) else float("nan"),
            interval=None if spread is None else percentile_interval(spread),
            t=t,
            t_p=t_p,
            wilcoxon_p=wilcoxon_p(a, b),
            holm_p=float("nan"),
            wins=win_rate(a, b, direction),
        )
    corrected = holm([c.wilcoxon_p for c in found.values()])
    return {
        name: Comparison(**{**vars(c), "holm_p": p})
        for (name, c), p in zip(found.items(), corrected, strict=True)
    }


def ranks(
    series: Mapping[str, Floats], direction: str, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Rank]:
    """Places with ties: one method is above another if the 95 % paired interval of their difference
    excludes zero. Methods that lack a clip get no rank; nor does anyone where there is one clip alone.
    """
    complete = {m: _turn(v, direction) for m, v in series.items() if len(v) > 1 and np.isfinite(v).all()}
    draws = {m: bootstrap_means(v, seed=seed, resamples=resamples) for m, v in complete.items()}
    above: dict[str, int] = dict.fromkeys(draws, 0)
    below: dict[str, int] = dict.fromkeys(draws, 0)
    names = list(draws)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            gap = percentile_interval(draws[a] - draws[b])
            if gap.low > 0:
                above[b] += 1
                below[a] += 1
            elif gap.high < 0:
                above[a] += 1
                below[b] += 1
    return {m: Rank(1 + above[m], len(names) - below[m]) for m in names}


def win_matrix(series: Mapping[str, Floats], direction: str) -> dict[tuple[str, str], float]:
    """(a, b) -> part of the clips that both have on which a is better than b, ties one half."""
    rates = {}
    for a, x in series.items():
        for b, y in series.items():
            if a != b:
                both = np.isfinite(x) & np.isfinite(y)
                rates[a, b] = win_rate(x[both], y[both], direction)
    return rates


def _turn(values: Floats, direction: str) -> Floats:
    """Values so that larger is better."""
    return -values if direction == "lower" else values
