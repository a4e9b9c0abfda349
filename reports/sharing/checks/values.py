"""Do clips' values follow from frames' values, and is every frame without one counted?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reports.bundles.reading import Bundle, BundledResult
from reports.sharing.checks.findings import Finding, Known, number, row_of, same
from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric
from vfsrbench.metrics.functional.temporal_std import video_sigma
from vfsrbench.plugins import build_metric
from vfsrbench.results.job import Values
from vfsrbench.results.schema import JobRecord


def check_values(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """What of the values does not follow, is not finite, or is missing and not counted."""
    arithmetic = _Arithmetic(known)
    for result in bundle.results:
        record, row = result.record, row_of(result.record)
        if record.status != "ok":
            if record.clip_values or record.scores:
                yield Finding(f"has values, though it ended {record.status!r}", row, clip=record.clip)
            continue
        for metric in sorted({*record.clip_values, *result.whole.values}):
            yield from (
                Finding(f"{metric}: {text}", row, problem, record.clip)
                for text, problem in _of_metric(result, metric, arithmetic)
            )


def recomputable(bundle: Bundle, known: Known, split: str, method: str) -> bool:
    """Whether any of a row's values can be computed again from its frames' values."""
    return any(
        unknown(result.record, metric, known) == "" and metric in result.whole.values
        for result in bundle.results
        if (result.record.split, result.record.method) == (split, method)
        for metric in result.record.clip_values
    )


def unknown(record: JobRecord, metric: str, known: Known) -> str:
    """Why a metric's values cannot be computed again here; empty if they can."""
    card = known.cards.get(metric)
    if card is None:
        return "the metric is not installed here"
    version = record.metrics.get(metric)
    if version != card.version:
        return f"is of version {version}, {card.version} is installed here"
    if card.level == "split":
        return "is over the whole split, from features that are not in a bundle"
    if card.level == "clip" and card.derived is None:
        return "has one value a clip, which follows from its frames alone"
    return ""


def _of_metric(result: BundledResult, metric: str, arithmetic: _Arithmetic) -> Iterator[tuple[str, bool]]:
    """(what, whether it is a problem) of a metric in a job."""
    record, columns = result.record, result.whole.values
    claimed = record.clip_values.get(metric)
    if claimed is not None and np.isinf(claimed):
        yield "its value is infinite", True
    reason = unknown(record, metric, arithmetic.known)
    if reason:
        yield reason, False
        return
    card = arithmetic.known.cards[metric]
    if claimed is None and metric in columns:
        yield "frames have values, the clip has none", True
        return
    source = metric if card.derived is None else card.derived.metric
    if source not in columns:
        yield f"no frame values of {source} are there", True
        return
    if card.derived is None:
        if len(columns[metric]) != record.frames:
            yield f"{len(columns[metric])} values for {record.frames} frames", True
            return
        yield from ((text, True) for text in _uncounted(record, card, columns[metric]))
    found = arithmetic.clip_value(card, columns[source])
    if found is None:
        yield "its arithmetic cannot be run here", False
    elif not same(claimed, found):
        yield f"value {number(claimed)} is claimed, {number(found)} follows from its frames", True


def _uncounted(record: JobRecord, card: MetricCard, values: Values) -> Iterator[str]:
    """What is not finite and not counted."""
    due = values[max(card.context, int(card.level == "pair")) :]
    bare, counted = int(np.isnan(due).sum()), record.missing.get(card.id, 0)
    if bare != counted:
        yield f"{bare} frames have no value, {counted} are counted"
    if np.isneginf(due).any() or (np.isposinf(due).any() and card.cap is None):
        yield "a frame's value is infinite"


class _Arithmetic:
    """Clips' values from frames' values, as the metrics here compute them."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._built: dict[str, Metric | None] = {}

    def clip_value(self, card: MetricCard, values: Values) -> float | None:
        """A clip's value; None where the metric's code cannot be run here."""
        if card.derived is not None:
            return video_sigma(values, self.known.cards[card.derived.metric].cap) * card.derived.factor
        if card.id not in self._built:
            self._built[card.id] = self._build(card.id)
        metric = self._built[card.id]
        try:
            return None if metric is None else float(metric.finish(values))
        except Exception:  # a plugin's code: its columns cannot be looked at
            return None

    def _build(self, metric_id: str) -> Metric | None:
        try:
            return build_metric(self.known.metrics[metric_id])
        except Exception:  # its package is not installed
            return None
