"""Reads results of any origin: the results files of folders, and the latest result of each job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.results.job import Result, Values, read_record, read_result
from vfsrbench.results.schema import JobRecord


@dataclass(frozen=True)
class StoredResult:
    """One job in a results file: its record, and its frame values, which are read when they are needed."""

    record: JobRecord
    path: Path
    hidden: frozenset[str] = frozenset()
    """Metrics whose values do not count here."""
    origin: str = ""
    """The bundle that it comes from; empty where it lies here as a run wrote it."""

    @cached_property
    def whole(self) -> Result:
        """The file with all its values. Raises what `read_result` raises."""
        return read_result(self.path)

    @cached_property
    def values(self) -> Mapping[str, Values]:
        """Frame values by metric, NaN where a frame has none."""
        return {metric: v for metric, v in self.whole.values.items() if metric not in self.hidden}


def result_files(places: Iterable[Path]) -> Iterator[Path]:
    """All results files below these folders (a file stands for itself), in the order of their names."""
    for place in places:
        if not place.is_dir():
            yield place
        else:
            yield from sorted(p for p in place.rglob("*.parquet") if not p.name.startswith("."))


def find_results(
    places: Iterable[Path], on_skipped: Callable[[InputError], None] = lambda error: None
) -> list[StoredResult]:
    """All results in these files and folders.

    Args:
        places: A workspace, a folder of results, a results file, or several of these.
        on_skipped: Called with what is wrong with a file that is not ours, or not whole (`DamagedFile`).

    Raises:
        InputError: A place does not exist.
    """
    found: list[StoredResult] = []
    for place in places:
        if not place.exists():
            raise InputError(f"{place}: no such results; `vfsrbench run BOARD` makes them")
        for path in result_files([place]):
            try:
                found.append(StoredResult(read_record(path), path))
            except FileNotFoundError:
                continue  # another process set it aside
            except InputError as error:
                on_skipped(error)
    return found


def latest(results: Iterable[StoredResult]) -> list[StoredResult]:
    """One result a job, the one written last; in the order of data set, split, method and clip."""
    chosen: dict[tuple[str, str, str, str], StoredResult] = {}
    for result in results:
        record = result.record
        job = (record.dataset, record.split, record.method, record.clip)
        if job not in chosen or written_at(chosen[job].record) < written_at(record):
            chosen[job] = result
    return [chosen[job] for job in sorted(chosen)]


def written_at(record: JobRecord) -> tuple[datetime, str]:
    """Sorts results of one job, the latest last: by the time at which they were written, then by key, so
    that the order never depends on the disk. A time that cannot be read counts as the oldest."""
    try:
        finished = datetime.fromisoformat(record.finished)
    except ValueError:
        finished = datetime.min
    return finished if finished.tzinfo else finished.replace(tzinfo=UTC), record.key
