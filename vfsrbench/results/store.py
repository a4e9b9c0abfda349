"""Results on disk: one Parquet file a job, named by its key, written whole or not at all."""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DamagedFile
from vfsrbench.io.names import slug
from vfsrbench.io.safety.sealed import check_seal, read_arrays, write_arrays
from vfsrbench.results.job import ForeignFile, Result, read_record, read_result, write_result
from vfsrbench.results.schema import JobRecord

__all__ = ["Result", "Store", "read_record", "read_result", "write_result"]

_KEY_DIGITS = 20
_OLDER_NAME = re.compile(r"\.[0-9a-f]{16}\.parquet$")  # schema 1 named its files by 16 digits
TRUTH = "_truth"
"""The folder of the ground truth's features, beside those of the splits."""
Features = NDArray[np.float32]
Read = TypeVar("Read", Result, JobRecord)


class Store:
    """The results of a workspace, and beside them the features that split metrics combine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, split: str, method: str, clip: str, key: str) -> Path:
        """Where the results file of this job is, or will be."""
        return self.root / slug(split) / slug(method) / f"{slug(clip)}.{key[:_KEY_DIGITS]}.parquet"

    def read(self, split: str, method: str, clip: str, key: str) -> Result | None:
        """The job with this key; None if it is not there.

        Raises:
            DamagedFile: Its file is not what was written.
            InputError: Its file may not be read.
        """
        result = self._as_written(self.path(split, method, clip, key), read_result)
        return result if result is not None and result.record.key == key else None

    def find(self, split: str, method: str, clip: str, key: str) -> JobRecord | None:
        """The record of the job with this key, without its values; None if it is not there, or damaged."""
        try:
            record = self._as_written(self.path(split, method, clip, key), read_record)
        except DamagedFile:
            return None
        return record if record is not None and record.key == key else None

    def _as_written(self, path: Path, read: Callable[[Path], Read]) -> Read | None:
        """A results file; None if there is none. DamagedFile for one that is not what was written."""
        if not path.is_file():
            return None
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except ForeignFile as error:
            raise DamagedFile(path, "it is a Parquet file, but without a record") from error

    def write(self, result: Result) -> Path:
        """Write a job's results, in place of what was there for its key. Features come first
        (`write_features`): the record names them. Those that it does not name are removed."""
        record = result.record
        path = self.path(record.split, record.method, record.clip, record.key)
        write_result(path, result)
        named = {score.features for score in record.scores.values()}
        for features in path.parent.glob(f"{glob.escape(path.stem)}.*.npz"):
            if features.name not in named:
                features.unlink(missing_ok=True)
        return path

    def write_features(self, place: tuple[str, str, str, str], metric: str, key: str, array: Features) -> str:
        """Write a split metric's features of a restored clip, (n, D); gives the file's name.

        `place` is the job's (split, method, clip, key), `key` the score's.
        """
        path = self.path(*place)
        name = f"{path.stem}.{metric}.{key[:16]}.npz"
        write_arrays(path.with_name(name), {metric: array}, compressed=True)
        return name

    def write_truth_features(self, digest: str, metric: str, key: str, array: Features) -> str:
        """Write the ground truth's features, shared by all methods and splits; gives the file's name."""
        name = f"{digest[:16]}.{metric}.{key[:16]}.npz"
        path = self.root / TRUTH / name
        if not _is_whole(path):
            write_arrays(path, {metric: array}, compressed=True)
        return name

    def features_are_whole(self, job: JobRecord, metric: str) -> bool:
        """Whether the features that the record names for a metric are there, both sides, undamaged."""
        return all(_is_whole(path) for path in self._feature_files(job, metric))

    def damaged_features(self, job: JobRecord, metrics: Iterable[str]) -> list[DamagedFile]:
        """The features of these metrics that are not what was written, with what is wrong with them."""
        files = (path for metric in metrics for path in self._feature_files(job, metric))
        return [damage for path in files if (damage := _damage(path)) is not None]

    def read_features(
        self, job: JobRecord, metric: str, read: dict[Path, Features] | None = None
    ) -> tuple[Features, Features] | None:
        """A split metric's features of a job: (restored, ground truth), each (n, D). None if the job has
        none.

        Args:
            job: Its record.
            metric: The metric.
            read: The ground truth's features that were read for other jobs; those of this one are added.

        Raises:
            DamagedFile: A file is damaged, or it is gone.
        """
        files = self._feature_files(job, metric)
        if not files:
            return None
        try:
            ours, truth = read_arrays(files[0])[metric], files[1]
            known = {} if read is None else read
            if truth not in known:
                known[truth] = read_arrays(truth)[metric]
        except FileNotFoundError as error:
            raise DamagedFile(Path(error.filename), "it is gone") from error
        return ours, known[truth]

    def _feature_files(self, job: JobRecord, metric: str) -> list[Path]:
        score = job.scores.get(metric)
        if score is None or not score.features:
            return []
        folder = self.path(job.split, job.method, job.clip, job.key).parent
        return [folder / score.features, self.root / TRUTH / score.gt_features]

    def has_older_results(self) -> bool:
        """Whether results of an older vfsrbench, which are not read any more, lie here."""
        return any(_OLDER_NAME.search(p.name) for p in self.root.glob("*/*/*.parquet"))


def _is_whole(path: Path) -> bool:
    return path.is_file() and _damage(path) is None


def _damage(path: Path) -> DamagedFile | None:
    """What is wrong with a sealed file, None if nothing is, or if there is none."""
    try:
        with path.open("rb") as file:
            check_seal(path, file)
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        return error
    except OSError as error:
        return DamagedFile(path, str(error.strerror))
    return None
