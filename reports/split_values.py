"""Values of metrics over a whole split (FID and the like), combined from the features of its clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reports.results import Result
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.metrics.base import SplitMetric
from vfsrbench.plugins import Catalogue, build_metric
from vfsrbench.store import Store


@dataclass(frozen=True)
class SplitValues:
    """`values` by (split, method, metric); `reasons` says of a metric why its values are missing."""

    values: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def combine_splits(
    board: Board, results: Sequence[Result], store: Store, known: Catalogue[MetricCard]
) -> SplitValues:
    """Combine what the store keeps, clips in the order of their names. Nothing is loaded or run but the
    arithmetic; a metric that cannot be combined has a reason instead."""
    wanted = [m for m in board.metrics if m in known.entries and known[m].card.level == "split"]
    values: dict[tuple[str, str, str], float] = {}
    reasons: dict[str, str] = {}
    done = sorted((r.record for r in results if r.record.status == "ok"), key=lambda r: r.clip)
    for metric_id in wanted:
        try:
            metric = build_metric(known[metric_id])
            assert isinstance(metric, SplitMetric)
            for split, method in sorted({(r.split, r.method) for r in done}):
                records = [r for r in done if (r.split, r.method) == (split, method)]
                pairs = [store.read_features(r, metric_id) for r in records]
                if not records or any(pair is None for pair in pairs):
                    continue
                both = [pair for pair in pairs if pair is not None]
                found = metric.combine([a for a, _ in both], [b for _, b in both])
                values[split, method, metric_id] = float(found.get("value", np.nan))
        except (ValueError, OSError, ImportError) as error:
            reasons[metric_id] = str(error)
    return SplitValues(values, reasons)
