"""Columns that random weights made are taken out of results: they mean nothing, the others do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vfsrbench.card import MetricCard
from vfsrbench.results.load import StoredResult

REASON = "the metric's weights were untrained (random)"


def trained_only(result: StoredResult, cards: Mapping[str, MetricCard]) -> StoredResult:
    """The result without the columns of metrics that ran with untrained weights, and of those derived from
    them; the record says so in `unavailable`. A result without such columns comes back as it is."""
    record = result.record
    random = {metric for metric, score in record.scores.items() if score.untrained}
    for metric in record.metrics:
        derived = cards[metric].derived if metric in cards else None
        if derived is not None and derived.metric in random:
            random.add(metric)
    if not random:
        return result
    changes = {
        "clip_values": {m: v for m, v in record.clip_values.items() if m not in random},
        "missing": {m: n for m, n in record.missing.items() if m not in random},
        "unavailable": {**record.unavailable, **dict.fromkeys(sorted(random), REASON)},
    }
    return replace(result, record=record.model_copy(update=changes), hidden=result.hidden | random)
