"""The results file of one job: a record and its frame values in Parquet, sealed against any changed bit.

Two checksums guard it. The seal covers every byte of the file and is checked before anything is decoded.
Each column has its own, in the record, over the values: a column that is carried from file to file, when
another metric joins it, is compared with it each time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.safety.paths import check_regular_file
from vfsrbench.io.safety.sealed import reading
from vfsrbench.results.schema import METADATA_KEY, SCHEMA, JobRecord, Score

Values = NDArray[np.float64]
SEAL_KEY = b"vfsrbench.sha256"
# the key, then the value's field header and its length (64) in Thrift's compact form
_SEAL_FIELD = SEAL_KEY + b"\x18\x40"
OLDER = "an older vfsrbench: it is not read, and not removed; run the board again"
_UNSEALED = b"0" * 64
_NOT_METRICS = ("frame", "name")


class OtherFormat(InputError):
    """A results file of another format, written by an older or a newer vfsrbench."""


class ForeignFile(InputError):
    """A Parquet file that is none of ours."""


@dataclass
class Result:
    """One job: its record, and a float64 a frame for each metric (NaN where a frame has no value)."""

    record: JobRecord
    frame_names: Sequence[str] = ()
    values: Mapping[str, Values] = field(default_factory=dict)


def write_result(path: Path, result: Result) -> None:
    """Write a results file, whole or not at all; the same result gives the same bytes.

    Raises:
        InputError: The disk is full, or the folder cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {
        "frame": pa.array(np.arange(len(result.frame_names), dtype=np.int32)),
        "name": pa.array(list(result.frame_names), pa.string()),
    }
    for metric, values in result.values.items():
        columns[metric] = pa.array(np.asarray(values, dtype=np.float64))
    record = _with_checksums(result)
    metadata = {METADATA_KEY: record.model_dump_json().encode(), SEAL_KEY: _UNSEALED}
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), buffer)
    with atomic_file(path) as temporary:
        temporary.write_bytes(_sealed(buffer.getvalue().to_pybytes()))


def read_record(path: Path) -> JobRecord:
    """The record alone, without the frame values.

    Raises:
        DamagedFile: The file is not what was written.
        OtherFormat: An older or a newer vfsrbench wrote it.
        ForeignFile: It is none of ours.
        InputError: It may not be read.
    """
    return _open(path)[0]


def read_result(path: Path) -> Result:
    """A results file with its frame values. Raises what `read_record` raises."""
    record, parquet = _open(path)
    with reading(path):
        table = parquet.read(use_threads=False)  # threads of Arrow that live at exit may abort the process
        names = table["name"].to_pylist()
        values = {n: _floats(table[n]) for n in table.column_names if n not in _NOT_METRICS}
    if record.names_checksum != names_checksum(names):
        raise DamagedFile(path, "the checksum of its frame names differs")
    scored = {metric for metric, score in record.scores.items() if score.checksum}
    if scored != set(values):
        raise DamagedFile(path, f"columns and record differ: {', '.join(sorted(scored ^ set(values)))}")
    for metric, column in values.items():
        if record.scores[metric].checksum != column_checksum(metric, column):
            raise DamagedFile(path, f"the checksum of its column {metric} differs")
    return Result(record, names, values)


def _floats(column: Any) -> Values:
    """A column of a table, as an array of its own. Arrow's own conversion would import pandas."""
    pieces = [np.from_dlpack(piece) for piece in column.chunks if len(piece)] if not column.null_count else ()
    if not len(pieces):
        return np.array(column.to_pylist(), dtype=np.float64)
    return np.concatenate(pieces).astype(np.float64, copy=False)


def column_checksum(metric: str, values: Values) -> str:
    """SHA-256 over a column: the metric's id, the number of frames, the values as little-endian float64."""
    data = np.ascontiguousarray(values, dtype="<f8")
    return hashlib.sha256(f"{metric}:{len(data)}:".encode() + data.tobytes()).hexdigest()


def names_checksum(names: Iterable[str]) -> str:
    """SHA-256 over the frames' names, in order."""
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()


def _with_checksums(result: Result) -> JobRecord:
    """The record with the checksums of the columns, and of no others."""
    record = result.record
    scores = {}
    for metric in sorted({*record.scores, *result.values}):
        score = record.scores.get(metric) or Score(key="")
        column = result.values.get(metric)
        checksum = "" if column is None else column_checksum(metric, np.asarray(column, np.float64))
        scores[metric] = score.model_copy(update={"checksum": checksum})
    return record.model_copy(update={"scores": scores, "names_checksum": names_checksum(result.frame_names)})


def _sealed(data: bytes) -> bytes:
    """The file with its checksum in the place that is kept for it."""
    place = _place_of_seal(data)
    assert data[place : place + 64] == _UNSEALED
    return data[:place] + hashlib.sha256(data).hexdigest().encode() + data[place + 64 :]


def _place_of_seal(data: bytes) -> int:
    """Where the checksum's 64 digits begin, -1 if there is no seal."""
    name = data.rfind(_SEAL_FIELD)
    return name + len(_SEAL_FIELD) if name >= 0 else -1


def _is_whole(data: bytes, place: int) -> bool:
    unsealed = data[:place] + _UNSEALED + data[place + 64 :]
    return data[place : place + 64] == hashlib.sha256(unsealed).hexdigest().encode()


def _open(path: Path) -> tuple[JobRecord, Any]:
    """The record and the open Parquet file. The seal is checked before anything is decoded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_regular_file(path, "results file")
    with reading(path):
        data = path.read_bytes()
    place = _place_of_seal(data)
    if place >= 0 and not _is_whole(data, place):
        raise DamagedFile(path, "its checksum differs")
    try:
        with reading(path):
            parquet = pq.ParquetFile(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise DamagedFile(path, str(error)) from error
    metadata = parquet.metadata.metadata or {}
    if METADATA_KEY not in metadata:
        raise ForeignFile(f"{path}: is a Parquet file, but not one of vfsrbench's results")
    with reading(path):
        written_as = json.loads(metadata[METADATA_KEY])["schema_version"]
    if place < 0 and written_as >= SCHEMA:
        raise DamagedFile(path, "it carries no checksum")
    if written_as != SCHEMA:
        age = "a newer vfsrbench; update vfsrbench to read it" if written_as > SCHEMA else OLDER
        raise OtherFormat(f"{path}: was written by {age}")
    with reading(path):
        return JobRecord.model_validate_json(metadata[METADATA_KEY]), parquet


Keep = Literal["png", "video", "none"]
State = Literal["open", "done", "failed", "skipped"]


@dataclass(frozen=True)
class Job:
    """One method on one clip of one split. Jobs with one `restore_key` have the same restored frames, jobs
    with one `key` compare them with the same ground truth: their scores are the same.

    `due` names the metrics of an open job that are still to be computed; none where only frames are to be
    kept. `restores` says that there are no frames to compute them on, as far as can be seen before the work
    begins; `repeats`, that there were some once. `seen` is the run that wrote the results that were there
    when the run was planned.
    """

    method: str
    split: str
    clip: str
    restore_key: str
    key: str
    state: State = "open"
    due: tuple[str, ...] = ()
    restores: bool = False
    repeats: bool = False
    seen: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """The job's names in the store: split, method, clip, key."""
        return self.split, self.method, self.clip, self.key
