"""Results of bundles beside those that lie here: a method's rows stay apart, what does not fit is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reports.bundles.reading import Bundle, BundledResult, read_bundle
from reports.bundles.verdicts import kept_check
from reports.inputs.results import AT
from reports.inputs.split_values import SplitValue
from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, counted
from vfsrbench.results.load import StoredResult, latest
from vfsrbench.results.stats import Interval

Place = tuple[str, str, str]


def read_bundles(paths: Sequence[str | Path]) -> list[Bundle]:
    """These bundles, each once.

    Raises:
        InputError: One is no bundle, not whole, or two have one file name, which their rows go by.
    """
    found: dict[str, Bundle] = {}
    digests: set[str] = set()
    for path in paths:
        bundle = read_bundle(path)
        if bundle.digest in digests:
            continue
        if bundle.label in found:
            raise InputError(
                f"{path}: {found[bundle.label].path} has the same name, which their rows go by; rename one"
            )
        digests.add(bundle.digest)
        found[bundle.label] = bundle
    return list(found.values())


def with_bundles(
    own: Sequence[StoredResult],
    bundles: Sequence[Bundle],
    board: str = "",
    taken: Sequence[BundledResult] | None = None,
) -> tuple[list[StoredResult], list[str]]:
    """Results that lie here and those of bundles, and what was left out and why.

    A method that another source has too is called `name @ bundle`; results that lie here keep their names.
    Reference rows that are alike in every value stand there once. Values that other weights of a metric made
    are left out.

    Args:
        own: Results that lie here.
        bundles: The bundles.
        board: The board's name, which bundles must have too; empty: any.
        taken: The bundles' results that are wanted; default: all.
    """
    left_out: Counter[str] = Counter()
    wanted: list[BundledResult] = []
    for bundle in bundles:
        if board and bundle.board.name != board:
            left_out[f"results of {bundle.label}, a bundle of the board {bundle.board.name!r}"] += len(
                bundle.results
            )
        else:
            wanted += bundle.results
    taken = _without_twins(own, wanted if taken is None else taken)
    names = _shared(own, taken)
    renamed = [_called(r, names) for r in taken]
    kept = _with_same_weights(own, renamed, left_out)
    lines = [f"left out: {count} {why}" for why, count in sorted(left_out.items())]
    return [*own, *kept], lines


def fitting(own: Sequence[StoredResult], bundles: Sequence[Bundle]) -> tuple[list[BundledResult], list[str]]:
    """The bundles' results that can stand beside those that lie here (or, if there are none, in the first
    bundle): same data set, seed, recipe and ground truth; and what was left out and why."""
    first = [r.record for r in own] or [r.record for bundle in bundles[:1] for r in bundle.results]
    datasets, seeds = {r.dataset for r in first}, {r.seed for r in first}
    recipes = {r.split: r.recipe_digest for r in first if r.recipe_digest}
    truths = {r.clip: r.gt_digest for r in first if not r.cropped}
    tracks = {r.track for r in first if r.track}
    taken: list[BundledResult] = []
    left_out: Counter[str] = Counter()
    for bundle in bundles:
        for result in bundle.results:
            record = result.record
            reason = ""
            if record.dataset not in datasets:
                reason = f"of the data set {record.dataset!r}, not {' or '.join(map(repr, sorted(datasets)))}"
            elif record.seed not in seeds:
                reason = f"of seed {record.seed}, not {' or '.join(map(str, sorted(seeds)))}"
            elif record.recipe_digest != recipes.get(record.split, record.recipe_digest):
                reason = f"of another version of the recipe {record.split!r}"
            elif record.gt_digest != truths.get(record.clip, record.gt_digest):
                reason = f"of other frames of the clip {record.clip!r}"
            elif record.track and tracks and record.track not in tracks:
                reason = f"of methods with reference = {record.track!r}, which never stand beside others"
            if reason:
                left_out[f"{bundle.label}: {reason}"] += 1
            else:
                taken.append(result)
    said = sorted(left_out.items())
    return taken, [f"left out: {counted(count, 'result')} of {why}" for why, count in said]


def _without_twins(own: Sequence[StoredResult], taken: Sequence[BundledResult]) -> list[BundledResult]:
    """Without reference rows that stand there already, alike in frames and values."""
    installed = plugins.methods().entries
    shown = {n for n, entry in installed.items() if entry.card.source == "gt" or entry.card.stands_for}
    seen: dict[Place, list[StoredResult]] = {}
    for result in latest(own):
        seen.setdefault(_place(result), []).append(result)
    kept = []
    for result in taken:
        before = seen.setdefault(_place(result), [])
        if result.record.method in shown and any(_alike(result, other) for other in before):
            continue
        before.append(result)
        kept.append(result)
    return kept


def _alike(one: StoredResult, other: StoredResult) -> bool:
    facts = ("gt_digest", "restored_digest", "clip_values", "recipe_digest", "seed")
    return all(getattr(one.record, name) == getattr(other.record, name) for name in facts)


def _shared(own: Sequence[StoredResult], taken: Sequence[BundledResult]) -> set[str]:
    """Methods that several sources have."""
    owners: dict[str, set[str]] = {}
    for result in (*own, *taken):
        owners.setdefault(result.record.method, set()).add(result.origin)
    return {method for method, sources in owners.items() if len(sources) > 1}


def _called(result: BundledResult, shared: set[str]) -> BundledResult:
    record = result.record
    if record.method not in shared:
        return result
    title = f"{record.method_title or record.method}{AT}{result.origin}"
    named = record.model_copy(update={"method": f"{record.method}{AT}{result.origin}", "method_title": title})
    return replace(result, record=named)


def _with_same_weights(
    own: Sequence[StoredResult], taken: Sequence[BundledResult], left_out: Counter[str]
) -> list[StoredResult]:
    """Bundled results without values that other checkpoints made than those of the first source."""
    first: dict[str, Mapping[str, str]] = {}
    for result in (*own, *taken):
        for metric, score in result.record.scores.items():
            if score.weights and not score.untrained:
                first.setdefault(metric, score.weights)
    kept: list[StoredResult] = []
    for result in taken:
        scores = result.record.scores
        other = {m for m, s in scores.items() if s.weights and s.weights != first.get(m, s.weights)}
        for metric in sorted(other):
            left_out[f"values of {metric} in {result.origin}, by other weights of the metric"] += 1
        if other:
            values = {m: v for m, v in result.record.clip_values.items() if m not in other}
            record = result.record.model_copy(update={"clip_values": values})
            result = replace(result, record=record, hidden=result.hidden | other)
        kept.append(result)
    return kept


def claimed_split_values(bundle: Bundle, known: Mapping[str, MetricCard]) -> dict[Place, SplitValue]:
    """The values over whole splits that a bundle claims, by (split, method, metric). It has no features, so
    that they cannot be computed from it. `known` are the cards here."""
    cards = {**bundle.metrics, **known}
    whole = {metric for metric, card in cards.items() if card.level == "split"}
    found: dict[Place, SplitValue] = {}
    for row in bundle.table.rows:
        for metric in sorted(whole & row.cells.keys()):
            cell = row.cells[metric]
            if cell.mean is None:
                continue
            bounds = None if cell.low is None or cell.high is None else Interval(cell.low, cell.high)
            found[row.split, row.method, metric] = SplitValue(cell.mean, cell.samples or cell.n, bounds)
    return found


def split_values_of(
    bundles: Iterable[Bundle], chosen: Sequence[StoredResult], known: Mapping[str, MetricCard]
) -> dict[Place, SplitValue]:
    """The claimed values over whole splits of the rows of which all results were chosen, under the names that
    these have."""
    found: dict[Place, SplitValue] = {}
    for bundle in bundles:
        values = claimed_split_values(bundle, known)
        done = {(row.split, row.method): row.done for row in bundle.table.rows}
        here: Counter[tuple[str, str]] = Counter()
        for result in chosen:
            if result.origin == bundle.label and result.record.status == "ok":
                here[result.record.split, result.record.method] += 1
        for (split, method), count in here.items():
            plain = method.partition(AT)[0]
            if done.get((split, plain)) == count:
                found |= {
                    (split, method, m): v for (s, p, m), v in values.items() if (s, p) == (split, plain)
                }
    return found


def verdicts_of(bundles: Iterable[Bundle], chosen: Iterable[StoredResult]) -> dict[tuple[str, str], str]:
    """How far the rows of bundles were checked here, by (split, method), as `vfsrbench bundle check --save`
    left it beside them."""
    checks = {bundle.label: kept_check(bundle) for bundle in bundles}
    found: dict[tuple[str, str], str] = {}
    for result in chosen:
        if result.origin in checks:
            checked, (split, method, _) = checks[result.origin], _place(result)
            plain = method.partition(AT)[0]
            said = None if checked is None else checked.verdict_of(split, plain)
            found[split, method] = said or "not checked here"
    return found


def _place(result: StoredResult) -> Place:
    return result.record.split, result.record.method, result.record.clip
