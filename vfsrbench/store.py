"""Results on disk: one Parquet file a job, named by its key, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.files import whole_file
from vfsrbench.io.paths import check_regular_file
from vfsrbench.schema import METADATA_KEY, SCHEMA, JobRecord

if TYPE_CHECKING:
    import pandas as pd

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+=,-]")
_LONGEST = 100
TRUTH = "_truth"
"""The folder of the ground truth's features, beside those of the splits."""
Features = NDArray[np.float32]
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def slug(name: str) -> str:
    """`name` as one safe path component. Plain names stay as they are; others get a hash, so that two
    different names never share a slug."""
    safe = _UNSAFE.sub("_", name)[:_LONGEST]
    if safe == name and name[:1] not in {"", ".", "-"} and name[-1] != "." and not _RESERVED.fullmatch(name):
        return name
    return f"{safe.strip('.-')}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass
class Result:
    """One job: its record, and a float64 a frame for each metric (NaN where a frame has no value)."""

    record: JobRecord
    frame_names: Sequence[str] = ()
    values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


class Store:
    """The results of a workspace, and beside them the features that split metrics combine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, split: str, method: str, clip: str, key: str) -> Path:
        """Where the results file of this job is, or will be."""
        return self.root / slug(split) / slug(method) / f"{slug(clip)}.{key[:16]}.parquet"

    def find(self, split: str, method: str, clip: str, key: str) -> JobRecord | None:
        """The record of the job with this key; None if it is not there, or not readable."""
        path = self.path(split, method, clip, key)
        if not path.is_file():
            return None
        try:
            record = read_record(path)
        except InputError:
            return None
        return record if record.key == key else None

    def write(
        self,
        result: Result,
        features: Mapping[str, NDArray[np.float32]] | None = None,
        truth_files: Mapping[str, str] | None = None,
    ) -> Path:
        """Write a job's results. `features` (metric -> array) go into a file beside it, written first, which
        also says in which of `truth_files` the ground truth's are."""
        record = result.record
        path = self.path(record.split, record.method, record.clip, record.key)
        if features:
            names = {f"{m}.truth": np.array(name) for m, name in (truth_files or {}).items()}
            _write_arrays(features_path(path), {**features, **names})
        with whole_file(path) as temporary:
            write_result(temporary, result)
        return path

    def write_truth_features(self, digest: str, metric: str, key: str, array: NDArray[np.float32]) -> str:
        """Write the ground truth's features, shared by all methods and splits; gives the file's name."""
        name = f"{digest[:16]}.{metric}.{key[:16]}.npz"
        path = self.root / TRUTH / name
        if not path.is_file():
            _write_arrays(path, {metric: array})
        return name

    def read_features(self, job: JobRecord) -> dict[str, tuple[Features, Features]]:
        """Split metrics' features of a job: metric -> (restored, ground truth), each (n, D)."""
        path = features_path(self.path(job.split, job.method, job.clip, job.key))
        if not path.is_file():
            return {}
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found = {}
        for metric, array in arrays.items():
            if not metric.endswith(".truth"):
                with np.load(self.root / TRUTH / str(arrays[f"{metric}.truth"]), allow_pickle=False) as truth:
                    found[metric] = (array, truth[metric])
        return found

    def forget(self, split: str, method: str, clip: str, key: str) -> None:
        """Remove a job's results, if they are there."""
        path = self.path(split, method, clip, key)
        path.unlink(missing_ok=True)
        features_path(path).unlink(missing_ok=True)


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def features_path(path: Path) -> Path:
    """The features file that belongs to a results file."""
    return path.with_name(f"{path.name.removesuffix('.parquet')}.features.npz")


def write_result(path: Path, result: Result) -> None:
    """One Parquet file; the same result gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = len(result.frame_names)
    columns: dict[str, Any] = {
        "frame": pa.array(np.arange(count, dtype=np.int32)),
        "name": pa.array(list(result.frame_names), pa.string()),
    }
    for metric, values in result.values.items():
        columns[metric] = pa.array(np.asarray(values, dtype=np.float64))
    metadata = {METADATA_KEY: result.record.model_dump_json().encode()}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def read_record(path: Path) -> JobRecord:
    """The record alone, without the frame values. InputError if the file is none of ours, or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_regular_file(path, "results file")
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({' '.join(str(error).split())})") from None
    return _record(path, metadata)


def read_result(path: Path) -> Result:
    """A results file with its frame values. InputError if the file is none of ours, or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_regular_file(path, "results file")
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: is not a readable Parquet file ({' '.join(str(error).split())})") from None
    record = _record(path, table.schema.metadata or {})
    columns = {n: table[n].to_numpy().astype(np.float64) for n in table.column_names if n not in _NOT_METRICS}
    return Result(record, table["name"].to_pylist(), columns)


_NOT_METRICS = frozenset({"frame", "name"})


def _record(path: Path, metadata: Mapping[bytes, bytes]) -> JobRecord:
    if METADATA_KEY not in metadata:
        raise InputError(f"{path}: is a Parquet file, but not one of vfsrbench's results")
    try:
        record = JobRecord.model_validate_json(metadata[METADATA_KEY])
    except ValueError as error:
        raise InputError(f"{path}: its record is damaged ({str(error).splitlines()[0]})") from None
    if record.schema_version > SCHEMA:
        raise InputError(f"{path}: was written by a newer vfsrbench; update vfsrbench to read it")
    return record


def result_files(folders: Iterable[Path]) -> Iterator[Path]:
    """All results files below these folders (a file stands for itself), in the order of their names."""
    for folder in folders:
        if not folder.is_dir():
            yield folder
        else:
            yield from sorted(p for p in folder.rglob("*.parquet") if not p.name.startswith("."))


def load_results(
    folders: Iterable[Path], keys: Iterable[str] | None = None
) -> tuple[pd.DataFrame, list[JobRecord], list[str]]:
    """Results of any origin as one table: (frames, records, what was skipped and why).

    `frames` has a row a frame: dataset, split, method, clip, frame, name and a column a metric. Of several
    results of one job the one that ended last counts. `keys` restricts the results to these. Files that
    are not ours, or not whole, are skipped and named.
    """
    import pandas as pd

    wanted = None if keys is None else set(keys)
    chosen: dict[tuple[Any, ...], Result] = {}
    skipped: list[str] = []
    for path in result_files(folders):
        try:
            result = read_result(path)
        except InputError as error:
            skipped.append(str(error))
            continue
        record = result.record
        if wanted is not None and record.key not in wanted:
            continue
        job = (record.dataset, record.split, record.method, record.clip)
        if job not in chosen or chosen[job].record.finished <= record.finished:
            chosen[job] = result
    results = [chosen[job] for job in sorted(chosen)]
    tables = [_frame_table(r) for r in results if len(r.frame_names)]
    frames = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return frames, [r.record for r in results], skipped


def _frame_table(result: Result) -> pd.DataFrame:
    import pandas as pd

    record = result.record
    names = list(result.frame_names)
    head = {"dataset": record.dataset, "split": record.split, "method": record.method, "clip": record.clip}
    return pd.DataFrame({**head, "frame": np.arange(len(names)), "name": names, **result.values})


def write_selection(path: Path, files: Iterable[Path]) -> None:
    """Note which results files belong to a board's last run, relative to the note's folder."""
    names = sorted(Path(os.path.relpath(f, path.parent)).as_posix() for f in files)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(names, indent=1))


def read_selection(path: Path) -> list[Path]:
    """The results files of a board's last run, those that are still there."""
    try:
        names = json.loads(path.read_text())
    except (OSError, ValueError):
        return []
    return [p for name in names if (p := path.parent / name).is_file()]
