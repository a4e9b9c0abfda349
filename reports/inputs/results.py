"""Results files laid out as methods x clips for one split. Frame values are read when they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reports.inputs.losses import Losses
from reports.inputs.trained import trained_only
from vfsrbench import plugins
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.results.load import StoredResult, find_results
from vfsrbench.results.schema import JobRecord

Floats = NDArray[np.float64]
AT = " @ "
"""Stands between a method and the folder or bundle that its results come from, where two have it."""


def read_results(
    places: Iterable[Path], losses: Losses | None = None
) -> tuple[list[StoredResult], list[str]]:
    """All results in these files and folders, without columns that untrained weights made, and what was
    skipped and why.

    Args:
        places: As `find_results` takes them.
        losses: Sets damaged files aside.

    Raises:
        InputError: A place does not exist.
    """
    skipped: list[str] = []

    def on_skipped(error: InputError) -> None:
        skipped.append(str(error))
        if losses is not None and isinstance(error, DamagedFile):
            losses.pieces.set_aside(error)

    found = find_results(places, on_skipped)
    if skipped:
        skipped.append(f"{len(found)} of {len(found) + len(skipped)} results files could be read")
    cards = plugins.metrics().cards
    return [trained_only(result, cards) for result in found], skipped


def is_asked(record: JobRecord, metric: str) -> bool:
    """Whether a row is scored by this metric: reference rows that no board named are by some alone."""
    return not record.only or metric in record.metrics


@dataclass(frozen=True)
class Grid:
    """The results of one split: `methods` and `clips` in the order of the table, one result a pair.

    `clips` are those that the board expects, whether or not a method has them.
    """

    split: str
    methods: tuple[str, ...]
    clips: tuple[str, ...]
    cells: Mapping[tuple[str, str], StoredResult]

    @classmethod
    def of(
        cls, results: Iterable[StoredResult], split: str, methods: Sequence[str], clips: Sequence[str]
    ) -> Grid:
        """Only what belongs to `split`, the methods and the clips is kept."""
        cells = {
            (r.record.method, r.record.clip): r
            for r in results
            if r.record.split == split and r.record.method in set(methods) and r.record.clip in set(clips)
        }
        return cls(split, tuple(methods), tuple(clips), cells)

    def of_method(self, method: str) -> list[StoredResult]:
        """The method's results, failed ones included, in the order of the clips."""
        return [self.cells[method, clip] for clip in self.clips if (method, clip) in self.cells]

    def done(self, method: str) -> list[StoredResult]:
        """The method's results of jobs that ended well."""
        return [r for r in self.of_method(method) if r.record.status == "ok"]

    def clip_values(self, method: str, metric: str) -> Floats:
        """One value a clip, in the order of `clips`; NaN where the job or the value is missing."""
        return np.array([self._value(method, clip, metric) for clip in self.clips], dtype=np.float64)

    def frame_counts(self, method: str, metric: str) -> Floats:
        """Frames with a value, a clip: the weights of a mean over all frames."""
        return np.array([self._count(method, clip, metric) for clip in self.clips], dtype=np.float64)

    def due(self, metric: str) -> NDArray[np.bool_]:
        """Clips on which a method can be expected to have this metric.

        A ground truth without a face, say, leaves the identity without a value for everyone: that clip is
        not held against a method. A clip that has not been run, or not scored, is.
        """
        return np.array([self._is_due(clip, metric) for clip in self.clips], dtype=np.bool_)

    def _is_due(self, clip: str, metric: str) -> bool:
        here = [
            r for r in (self.cells.get((m, clip)) for m in self.methods) if r and is_asked(r.record, metric)
        ]
        scored = [r for r in here if r.record.status == "ok"]
        tried = [r for r in scored if metric in r.record.metrics]
        return len(tried) < len(scored) or not tried or any(self._has(r, metric) for r in tried)

    @staticmethod
    def _has(result: StoredResult, metric: str) -> bool:
        value = result.record.clip_values.get(metric)
        return value is not None and not np.isnan(value)

    def _value(self, method: str, clip: str, metric: str) -> float:
        result = self.cells.get((method, clip))
        if result is None or result.record.status != "ok":
            return float("nan")
        value = result.record.clip_values.get(metric)
        return float("nan") if value is None else value

    def _count(self, method: str, clip: str, metric: str) -> float:
        result = self.cells.get((method, clip))
        if result is None:
            return 0.0
        values = result.values.get(metric)
        return float(result.record.frames if values is None else (~np.isnan(values)).sum())
