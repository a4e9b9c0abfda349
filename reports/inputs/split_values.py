"""Values of metrics over a whole split (FID and the like), combined from the features of its clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from reports.inputs.losses import Losses
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.errors import DamagedFile
from vfsrbench.metric import SplitMetric
from vfsrbench.plugins import Registry, build_metric
from vfsrbench.results.load import StoredResult
from vfsrbench.results.stats import Interval
from vfsrbench.results.store import Features, Store


@dataclass(frozen=True)
class SplitValue:
    """A value over a whole split, from `n` samples; its 95 % bootstrap interval where the metric has one."""

    value: float
    n: int
    interval: Interval | None = None


@dataclass(frozen=True)
class SplitValues:
    """`values` by (split, method, metric); `reasons` says of a metric why its values are missing."""

    values: Mapping[tuple[str, str, str], SplitValue] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


def combine_splits(
    board: Board, results: Sequence[StoredResult], store: Store, known: Registry[MetricCard], losses: Losses
) -> SplitValues:
    """Combine what the store keeps, clips in the order of their names. Nothing is loaded or run but the
    arithmetic; a metric that cannot be combined has a reason instead. A row of which features are damaged
    has no value, and `losses` names them."""
    wanted = [m for m in board.metrics if m in known.entries and known[m].card.level == "split"]
    values: dict[tuple[str, str, str], SplitValue] = {}
    reasons: dict[str, str] = {}
    done = sorted((r for r in results if r.record.status == "ok"), key=lambda r: r.record.clip)
    for metric_id in wanted:
        try:
            metric = build_metric(known[metric_id])
            assert isinstance(metric, SplitMetric)
            read: dict[Path, Features] = {}  # the ground truth's: all methods have the same
            for split, method in sorted({(r.record.split, r.record.method) for r in done}):
                row = [r for r in done if (r.record.split, r.record.method) == (split, method)]
                pairs = [_features(store, r, metric_id, losses, read) for r in row]
                both = [pair for pair in pairs if pair is not None]
                if len(both) < len(row):
                    continue
                values[split, method, metric_id] = _combined(metric, both)
        except (ValueError, OSError, ImportError) as error:
            reasons[metric_id] = str(error)
    return SplitValues(values, reasons)


def _combined(metric: SplitMetric, both: Sequence[tuple[Features, Features]]) -> SplitValue:
    found = metric.combine([a for a, _ in both], [b for _, b in both])
    samples = found.get("n", sum(len(own) for own, _ in both))
    interval = Interval(found["low"], found["high"]) if {"low", "high"} <= found.keys() else None
    return SplitValue(float(found.get("value", np.nan)), int(samples), interval)


def _features(
    store: Store, result: StoredResult, metric: str, losses: Losses, read: dict[Path, Features]
) -> tuple[Features, Features] | None:
    if metric in result.hidden:
        return None
    try:
        return store.read_features(result.record, metric, read)
    except DamagedFile as error:
        losses.set_aside(error)
        return None
