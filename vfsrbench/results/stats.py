"""From clip values to what a table may claim: means, paired intervals, tests, ranks with ties, win rates.

Everything is paired over clips: all methods see the same clips, and a bootstrap resample draws the same
clips for all of them. Draws depend on the seed and the number of clips alone, so no figure moves when a
method is added or the files come in another order. Clips weigh the same unless weights (frames, say) are
given, which all but the part of clips won then follows. Differences count with twelve significant digits:
what lies beyond is noise of the arithmetic. scipy is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 10_000
LEVEL = 0.95
_DIGITS = 12
_SIGNS = 14  # pairs, up to which all signs of a weighted signed-rank test are tried
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
    F_t and F_p of SECNet's tables; t is infinite where the difference is the same on all clips),
    `wilcoxon_p` the signed-rank test's, `holm_p` the same corrected for the number of methods compared.
    `wins` is the part of clips on which the reference is better, ties counting one half.
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
    means = np.empty(resamples)
    start = 0
    for drawn in _draws(len(values), seed, resamples):
        if weights is None:
            means[start : start + len(drawn)] = values[drawn].mean(axis=1)
        else:
            totals = (values * weights)[drawn].sum(axis=1)
            means[start : start + len(drawn)] = totals / weights[drawn].sum(axis=1)
        start += len(drawn)
    return means


def _draws(n: int, seed: int, resamples: int) -> Iterable[NDArray[np.int64]]:
    """Which of `n` clips each resample has, in blocks (resamples, n). They are the same for every cell of a
    table, and kept where they are few."""
    return _kept_draws(n, seed, resamples) if n * resamples <= _CHUNK else _drawn(n, seed, resamples)


@lru_cache(maxsize=2)
def _kept_draws(n: int, seed: int, resamples: int) -> tuple[NDArray[np.int64], ...]:
    return tuple(_drawn(n, seed, resamples))


def _drawn(n: int, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, n], dtype=np.uint64)))
    step = max(1, _CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        yield rng.integers(0, n, size=(min(step, resamples - start), n))


def percentile_interval(draws: Floats, level: float = LEVEL) -> Interval:
    """The middle `level` of the draws."""
    tail = (1.0 - level) / 2.0
    return Interval(*_quantiles(draws, (tail, 1.0 - tail)))


def _quantiles(draws: Floats, parts: tuple[float, float]) -> tuple[float, float]:
    """`np.quantile`, which takes most of its time to find out what it was given: a table asks hundreds of
    times."""
    last = len(draws) - 1
    places = [part * last for part in parts]
    below = [int(place) for place in places]
    above = [min(place + 1, last) for place in below]
    ordered = np.partition(draws, sorted({*below, *above, last}))
    if np.isnan(ordered[last]):  # NaN is sorted to the end
        return float("nan"), float("nan")
    first, second = (
        _between(float(ordered[i]), float(ordered[j]), place - i)
        for place, i, j in zip(places, below, above, strict=True)
    )
    return first, second


def _between(a: float, b: float, part: float) -> float:
    """From `a` to `b`; counted from the nearer end, as numpy does."""
    return b - (b - a) * (1 - part) if part >= 0.5 else a + (b - a) * part


def paired_difference(reference: Floats, other: Floats) -> Floats:
    """`reference` minus `other`, rounded to the last of twelve significant digits of the largest value.
    30.1 - 29.9 and 30.3 - 30.1 are equal so, as they are on paper."""
    difference = reference - other
    largest = max((float(np.abs(v).max()) for v in (reference, other) if len(v)), default=0.0)
    if not np.isfinite(largest) or largest < 1e-200:
        return difference
    places = _DIGITS - 1 - int(np.floor(np.log10(largest)))
    return np.round(difference, places) + 0.0


def paired_t(
    reference: Floats, other: Floats, weights: tuple[Floats, Floats] | None = None
) -> tuple[float, float]:
    """t and two-sided p of the paired t-test; t > 0 says that `reference` is larger.

    Equal series give (0, 1), as SECNet prints its own row; a constant difference gives (±inf, 0). Fewer
    than two pairs give NaN. With `weights` (of both series) it is the difference of the weighted means over
    its standard error, linearised as a ratio of sums over clips; equal weights give the plain test.
    """
    difference, printed = reference - other, paired_difference(reference, other)
    if len(difference) < 2:
        return float("nan"), float("nan")
    if np.ptp(printed) == 0 and (weights is None or np.array_equal(*weights)):
        step = float(printed[0])
        return (0.0, 1.0) if step == 0 else (float(np.copysign(np.inf, step)), 0.0)
    from scipy.special import stdtr  # scipy.stats takes far longer to import

    count = len(difference)
    if weights is None:
        mean, error = difference.mean(), np.sqrt(difference.var(ddof=1) / count)
    else:
        means = [weighted_mean(v, w) for v, w in zip((reference, other), weights, strict=True)]
        a, b = (w / w.sum() * (v - m) for v, w, m in zip((reference, other), weights, means, strict=True))
        mean, error = means[0] - means[1], np.sqrt(count / (count - 1) * ((a - b) ** 2).sum())
    t = float(mean / error)
    return t, float(2 * stdtr(count - 1, -abs(t)))


def wilcoxon_p(reference: Floats, other: Floats, weights: Floats | None = None) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where nothing differs, NaN without pairs.

    Sizes of differences that are equal in twelve digits are ties: values that came with few decimals tie as
    they print. With `weights` each clip's rank counts that much: all signs are tried for few pairs, else the
    sum of ranks is taken for normal.
    """
    difference = paired_difference(reference, other)
    if not len(difference):
        return float("nan")
    if not difference.any():
        return 1.0
    size = np.abs(difference)
    if weights is not None and np.ptp(weights):
        return _weighted_rank_p(difference[size > 0], weights[size > 0])
    if len(size) <= _EXACT and size.all() and len(np.unique(size)) == len(size):
        ranks = size.argsort().argsort() + 1
        return _signed_rank_p(int(ranks[difference > 0].sum()), len(size))
    from scipy.stats import wilcoxon

    return float(wilcoxon(difference).pvalue)


def _weighted_rank_p(difference: Floats, weights: Floats) -> float:
    """Two-sided p of the sum of signed ranks times weights, under signs that are all alike."""
    _, place, often = np.unique(np.abs(difference), return_inverse=True, return_counts=True)
    scores = (often.cumsum() - (often - 1) / 2)[place] * weights
    total = abs(float((np.sign(difference) * scores).sum()))
    if len(scores) <= _SIGNS:
        signs = 1 - 2 * ((np.arange(2 ** len(scores))[:, None] >> np.arange(len(scores))) & 1)
        return float((np.abs(signs @ scores) >= total * (1 - 1e-12)).mean())
    from scipy.special import ndtr

    return float(2 * ndtr(-total / np.sqrt((scores**2).sum())))


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
    gain = _turn(paired_difference(reference, other), direction)
    return float(((gain > 0) + 0.5 * (gain == 0)).mean()) if len(gain) else float("nan")


def compare(
    series: Mapping[str, Floats],
    reference: str,
    direction: str,
    weights: Mapping[str, Floats] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Comparison]:
    """Every other method against `reference`, over the clips that both have (NaN: not there).

    `series` maps a method to one value a clip, clips in the same order for all; `weights` likewise to what
    each clip weighs. `direction` is `higher` or `lower`: which is better.
    """
    found: dict[str, Comparison] = {}
    base = series[reference]
    for name, values in series.items():
        if name == reference:
            continue
        both = np.isfinite(base) & np.isfinite(values)
        a, b = _turn(base[both], direction), _turn(values[both], direction)
        own = None if weights is None else (weights[reference][both], weights[name][both])
        t, t_p = paired_t(a, b, own)
        found[name] = Comparison(
            n=len(a),
            difference=_mean_gain(a, b, own),
            interval=_gain_interval(a, b, own, seed, resamples) if len(a) > 1 else None,
            t=t,
            t_p=t_p,
            wilcoxon_p=wilcoxon_p(a, b, None if own is None else own[0] + own[1]),
            holm_p=float("nan"),
            wins=win_rate(a, b, "higher"),
        )
    corrected = holm([c.wilcoxon_p for c in found.values()])
    return {name: replace(c, holm_p=p) for (name, c), p in zip(found.items(), corrected, strict=True)}


def _mean_gain(a: Floats, b: Floats, weights: tuple[Floats, Floats] | None) -> float:
    if weights is None:
        return weighted_mean(a - b)
    return weighted_mean(a, weights[0]) - weighted_mean(b, weights[1])


def _gain_interval(
    a: Floats, b: Floats, weights: tuple[Floats, Floats] | None, seed: int, resamples: int
) -> Interval:
    if weights is None:
        draws = bootstrap_means(a - b, seed=seed, resamples=resamples)
    else:  # the same clips are drawn for both
        one, other = (
            bootstrap_means(v, w, seed=seed, resamples=resamples)
            for v, w in zip((a, b), weights, strict=True)
        )
        draws = one - other
    return percentile_interval(draws)


def ranks(
    series: Mapping[str, Floats],
    direction: str,
    weights: Mapping[str, Floats] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Rank]:
    """Places with ties: one method is above another if the 95 % paired interval of their difference
    excludes zero. Methods that lack a clip get no rank; nor does anyone where there is one clip alone.
    """
    complete = {m: _turn(v, direction) for m, v in series.items() if len(v) > 1 and np.isfinite(v).all()}
    draws = {
        m: bootstrap_means(v, None if weights is None else weights[m], seed=seed, resamples=resamples)
        for m, v in complete.items()
    }
    above: dict[str, int] = dict.fromkeys(draws, 0)
    below: dict[str, int] = dict.fromkeys(draws, 0)
    names = list(draws)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            gap = percentile_interval(paired_difference(draws[a], draws[b]))
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
