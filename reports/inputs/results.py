"""Results files laid out as methods x clips for one split. Frame values are read when they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reports.inputs.losses import Losses
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import age, read_record, read_result, result_files

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """One job: its record, and on demand its frame values (metric id -> one float64 a frame)."""

    record: JobRecord
    path: Path | None = None
    given: Mapping[str, Floats] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Metrics whose values do not count here."""

    @cached_property
    def values(self) -> Mapping[str, Floats]:
        """Frame values by metric, NaN where a frame has none."""
        values = self.given if self.path is None else read_result(self.path).values
        return {metric: v for metric, v in values.items() if metric not in self.hidden}


def newest(results: Iterable[Result]) -> list[Result]:
    """One result a job, the one that was written last; sorted by data set, split, method and clip."""
    chosen: dict[tuple[str, str, str, str], Result] = {}
    for result in results:
        record = result.record
        job = (record.dataset, record.split, record.method, record.clip)
        if job not in chosen or age(chosen[job].record) < age(record):
            chosen[job] = result
    return [chosen[job] for job in sorted(chosen)]


def read_results(places: Iterable[Path], losses: Losses | None = None) -> tuple[list[Result], list[str]]:
    """All results in these files and folders, and what was skipped and why.

    Damaged files are set aside by `losses`, where there are any. InputError when a place does not exist.
    """
    found: list[Result] = []
    skipped: list[str] = []
    for place in places:
        if not place.exists():
            raise InputError(f"{place}: no such results; `vfsrbench run BOARD` makes them")
        for path in result_files([place]):
            try:
                found.append(Result(read_record(path), path))
            except FileNotFoundError:
                continue  # another process set it aside
            except InputError as error:
                skipped.append(str(error))
                if losses is not None and isinstance(error, DamagedFile):
                    losses.pieces.set_aside(error)
    if skipped:
        skipped.append(f"{len(found)} of {len(found) + len(skipped)} results files could be read")
    return found, skipped


@dataclass(frozen=True)
class Grid:
    """The results of one split: `methods` and `clips` in the order of the table, one result a pair.

    `clips` are those that the board expects, whether or not a method has them.
    """

    split: str
    methods: tuple[str, ...]
    clips: tuple[str, ...]
    cells: Mapping[tuple[str, str], Result]

    @classmethod
    def of(cls, results: Iterable[Result], split: str, methods: Sequence[str], clips: Sequence[str]) -> Grid:
        """Only what belongs to `split`, the methods and the clips is kept."""
        cells = {
            (r.record.method, r.record.clip): r
            for r in results
            if r.record.split == split and r.record.method in set(methods) and r.record.clip in set(clips)
        }
        return cls(split, tuple(methods), tuple(clips), cells)

    def of_method(self, method: str) -> list[Result]:
        """The method's results, failed ones included, in the order of the clips."""
        return [self.cells[method, clip] for clip in self.clips if (method, clip) in self.cells]

    def done(self, method: str) -> list[Result]:
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
        scored = [
            r for r in (self.cells.get((m, clip)) for m in self.methods) if r and r.record.status == "ok"
        ]
        tried = [r for r in scored if metric in r.record.metrics]
        return len(tried) < len(scored) or not tried or any(self._has(r, metric) for r in tried)

    @staticmethod
    def _has(result: Result, metric: str) -> bool:
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
