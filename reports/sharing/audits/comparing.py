"""Values that were computed here, held against those of a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reports.bundles.reading import BundledResult
from reports.bundles.verdicts import Difference
from reports.sharing.checks.findings import Finding
from vfsrbench import plugins
from vfsrbench.results.job import Result


@dataclass
class Outcome:
    """What came of a row: `whole` where every drawn clip was compared in some metric, and nothing differs."""

    findings: list[Finding] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    whole: bool = False


def compared(
    claimed: Sequence[BundledResult],
    made: Mapping[tuple[str, str], Result | str],
    tolerance: float,
    anew: bool,
) -> Outcome:
    """Compare the drawn clips of a row.

    Args:
        claimed: The bundle's results.
        made: What there is here, or why there is nothing, by (method, clip).
        tolerance: The part of the largest value by which values may differ; half a unit of the last digit
            that tables print is allowed in any case.
        anew: Whether the frames were restored here: those of other hardware differ in bits.
    """
    outcome = Outcome()
    pairs: list[tuple[BundledResult, Result]] = []
    for result in claimed:
        record = result.record
        here = made.get((record.method, record.clip), "has no result here")
        if isinstance(here, str):
            outcome.findings.append(Finding(here, problem=False, clip=record.clip))
            continue
        pairs.append((result, here))
        outcome.findings += [
            Finding(text, problem=problem, clip=record.clip) for text, problem in _frames(result, here, anew)
        ]
    cards = plugins.metrics().cards
    for metric in sorted({m for result, _ in pairs for m in result.record.clip_values}):
        reasons = [here.record.unavailable[metric] for _, here in pairs if metric in here.record.unavailable]
        scored = [
            (r, h) for r, h in pairs if metric in h.record.clip_values and metric in r.record.clip_values
        ]
        if metric in cards and any(r.record.metrics.get(metric) != cards[metric].version for r, _ in pairs):
            outcome.findings.append(Finding(f"{metric}: another version is installed here", problem=False))
            continue
        if reasons:
            outcome.findings.append(Finding(f"{metric}: n/a here, {reasons[0]}", problem=False))
        if not scored:
            continue
        digits = cards[metric].digits if metric in cards else 4
        largest = max(_largest(metric, r, h) for r, h in scored)
        top = max(max(_size(metric, r), 0.0) for r, _ in scored)
        allowed = max(0.5 * 10.0**-digits, tolerance * top)
        outcome.differences.append(
            Difference(metric=metric, largest=largest, allowed=allowed, clips=len(scored))
        )
        if not largest <= allowed:
            text = f"{metric}: differs by {largest:.4g} from what is computed here ({allowed:.4g} is allowed)"
            outcome.findings.append(Finding(text))
    problems = any(finding.problem for finding in outcome.findings)
    outcome.whole = bool(pairs) and len(pairs) == len(claimed) and bool(outcome.differences) and not problems
    return outcome


def _frames(result: BundledResult, here: Result, anew: bool) -> Iterator[tuple[str, bool]]:
    """What is to be said of the restored frames themselves; and whether it is a problem."""
    claimed, found = result.record, here.record
    if claimed.gt_digest != found.gt_digest:
        yield "its ground truth is not that of the data set here", True
    if claimed.restored_digest != found.restored_digest:
        if anew:
            yield "restored frames differ in bits from those of the bundle", False
        else:
            yield "the outputs here are not the restored frames of the bundle (another digest)", True
    if claimed.lq_digest and found.lq_digest and claimed.lq_digest != found.lq_digest:
        yield "its degraded frames are not those that the recipe makes here", True
    if claimed.guard == found.guard and claimed.findings != found.findings:
        said, told = ("; ".join(texts) or "nothing is off" for texts in (found.findings, claimed.findings))
        yield f"against the ground truth here: {said}; the bundle says {told}", True


def _largest(metric: str, result: BundledResult, here: Result) -> float:
    """The largest difference of a clip's value and its frames' values; infinite where one side has none."""
    pairs = [(result.record.clip_values[metric], here.record.clip_values[metric])]
    ours, theirs = here.values.get(metric), result.whole.values.get(metric)
    if (ours is None) != (theirs is None) or (
        ours is not None and theirs is not None and len(ours) != len(theirs)
    ):
        return float("inf")
    one = np.array([pairs[0][0], *(theirs if theirs is not None else ())], dtype=np.float64)
    other = np.array([pairs[0][1], *(ours if ours is not None else ())], dtype=np.float64)
    if (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    with np.errstate(invalid="ignore"):
        gap = np.where((one == other) | np.isnan(one), 0.0, np.abs(one - other))
    return float(gap.max())


def _size(metric: str, result: BundledResult) -> float:
    values = np.array(
        [result.record.clip_values[metric], *result.whole.values.get(metric, ())], dtype=np.float64
    )
    known = np.abs(values[np.isfinite(values)])
    return float(known.max()) if known.size else 0.0
