"""Reads a bundle: every file looked at, every checksum compared, before anything is taken from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from degradations.reading.typed_toml import parse
from reports.bundles import schema
from reports.bundles.archive import Archive
from reports.bundles.schema import Head, Tables
from vfsrbench.board import Board
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.errors import InputError
from vfsrbench.io.foreign_text import clean_name
from vfsrbench.results.board_note import Protocol
from vfsrbench.results.job import Result, column_checksum, names_checksum
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import SCHEMA, JobRecord

if TYPE_CHECKING:
    from degradations.manifest import Manifest
    from vfsrbench.io.clip import Clip

T = TypeVar("T")
_KEYS = {"record", "frames", "values"}
NEWER = "is of a newer form than this vfsrbench reads: update vfsrbench"


@dataclass(frozen=True)
class BundledResult(StoredResult):
    """A job in a bundle. Its frame values are at hand."""

    kept: Result | None = field(default=None, compare=False)

    @cached_property
    def whole(self) -> Result:
        """The record and its values."""
        assert self.kept is not None
        return self.kept


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are all there and whole.

    `digest` names its content, however it was packed. `table` is what it claims; `cards` are as it has them.
    """

    path: Path
    digest: str
    head: Head
    board: Board
    protocol: Protocol
    table: Tables
    results: tuple[BundledResult, ...]
    manifests: Mapping[str, Manifest]
    methods: Mapping[str, MethodCard]
    metrics: Mapping[str, MetricCard]
    archive: Archive = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """What its rows are told apart by: the file's name."""
        return label_of(self.path)

    def has_frames(self, record: JobRecord) -> bool:
        """Whether the restored frames of a job are in the bundle."""
        return schema.frame_file(record.split, record.method, record.clip, 0) in self.archive.sizes

    def frames(self, record: JobRecord, folder: Path) -> Clip:
        """The restored frames of a job, unpacked into an empty folder under names of ours.

        Raises:
            InputError: Some are not there, or are no pictures.
        """
        from vfsrbench.io.clip import Clip

        folder.mkdir(parents=True, exist_ok=True)
        names = [str(name) for name in _result_of(self, record).whole.frame_names]
        for number in range(record.frames):
            data = self.archive.read(schema.frame_file(record.split, record.method, record.clip, number))
            (folder / f"{number:06d}.png").write_bytes(data)
        clip = Clip.open(folder, record.clip, record.fps)
        if len(clip) != len(names) or (clip.height, clip.width) != (record.height, record.width):
            raise InputError(f"{self.path}: its frames of {record.method}, {record.clip} have another size")
        return clip


def _result_of(bundle: Bundle, record: JobRecord) -> BundledResult:
    place = (record.split, record.method, record.clip)
    return next(r for r in bundle.results if (r.record.split, r.record.method, r.record.clip) == place)


def read_bundle(
    path: str | Path, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Bundle:
    """Read a bundle that anybody may have made.

    Args:
        path: The zip file.
        on_progress: Called with files read, and how many there are.

    Returns:
        The bundle. Whether it is true is another matter: see `reports.sharing.checking.check_bundle`.

    Raises:
        InputError: It is no bundle, of a newer form, not whole, or its files contradict each other.

    Example:
        >>> read_bundle("no-such.vfsr.zip")
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: no-such.vfsr.zip: no such bundle; `vfsrbench bundle BOARD` makes one
    """
    from degradations.manifest import Manifest

    archive = Archive.open(path)
    where = archive.path
    head = _head(archive)
    listed, there = set(head.files), set(archive.sizes) - {schema.HEAD}
    for name in sorted(listed ^ there):
        what = "is not in its list of files" if name in there else "is in its list of files, but not there"
        raise InputError(f"{where}: {name} {what}: files were added or taken out")
    texts: dict[str, bytes] = {}
    for done, name in enumerate(sorted(listed), start=1):
        data = archive.read(name)
        if schema.sha256(data) != head.files[name]:
            raise InputError(
                f"{where}: the checksum of {name} differs: it was changed, or damaged on its way"
            )
        if name.endswith(".json"):
            texts[name] = data
        on_progress(done, len(listed))
    said = _Files(where, texts)
    results = tuple(said.results())
    if len(results) != head.results:
        raise InputError(f"{where}: has {len(results)} results, its {schema.HEAD} says {head.results}")
    return Bundle(
        path=where,
        digest=schema.content_digest(head),
        head=head,
        board=said.board(),
        protocol=said.protocol(),
        table=said.model(schema.TABLES, Tables),
        results=results,
        manifests=said.below("splits/", Manifest, lambda manifest: manifest.recipe.name),
        methods=said.below("cards/methods/", MethodCard, lambda card: card.name),
        metrics=said.below("cards/metrics/", MetricCard, lambda card: card.id),
        archive=archive,
    )


def _head(archive: Archive) -> Head:
    where = f"{archive.path}: {schema.HEAD}"
    if schema.HEAD not in archive.sizes:
        raise InputError(f"{archive.path}: is no bundle: it has no {schema.HEAD}")
    content = schema.from_json(archive.read(schema.HEAD), where)
    if not isinstance(content, dict) or content.get("format") != schema.FORMAT:
        raise InputError(f"{archive.path}: is no bundle: its 'format' is not {schema.FORMAT}")
    version = content.get("format_version")
    if isinstance(version, int) and version > schema.VERSION:
        raise InputError(f"{archive.path}: {NEWER}")
    return parse(Head, content, where)


@dataclass(frozen=True)
class _Files:
    """The JSON files of a bundle at `where`."""

    where: Path
    texts: Mapping[str, bytes]

    def json(self, name: str) -> Any:
        if name not in self.texts:
            raise InputError(f"{self.where}: holds no {name}")
        return schema.from_json(self.texts[name], f"{self.where}: {name}")

    def model(self, name: str, kind: type[T]) -> T:
        content = self.json(name)
        if not isinstance(content, dict):
            raise InputError(f"{self.where}: {name} is not what it should be")
        made: T = parse(kind, content, f"{self.where}: {name}")  # type: ignore[type-var]
        return made

    def below(self, folder: str, kind: type[T], named: Callable[[T], str]) -> dict[str, T]:
        """The files of a folder, by the names that they say themselves."""
        found: dict[str, T] = {}
        for name in sorted(self.texts):
            if name.startswith(folder):
                made = self.model(name, kind)
                found[named(made)] = made
        return found

    def board(self) -> Board:
        """The board, without what would be read of this machine."""
        board = self.model(schema.BOARD, Board)
        return board.replace(published=(), figures={}, dataset=board.dataset.replace(path=None))

    def protocol(self) -> Protocol:
        content = self.json(schema.PROTOCOL)
        try:
            read = Protocol.from_json({**content, "keys": []})
            texts = [*read.recipes.items(), *read.clips.items(), *read.metric_keys.items()]
            whole = all(isinstance(text, str) for pair in texts for text in pair)
            if not whole or not all(isinstance(facts, dict) for facts in read.truth.values()):
                raise TypeError
            # a path in it would be one of the maker's machine
            return replace(read, use=read.use.replace(path=None))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InputError(
                f"{self.where}: {schema.PROTOCOL} is not what it should be ({type(error).__name__})"
            ) from None

    def results(self) -> Iterator[BundledResult]:
        for name in sorted(self.texts):
            if name.startswith("results/"):
                yield self._result(name)

    def _result(self, name: str) -> BundledResult:
        where = f"{self.where}: {name}"
        content = self.json(name)
        if not isinstance(content, dict) or content.keys() != _KEYS:
            raise InputError(f"{where}: must have the keys {', '.join(sorted(_KEYS))}")
        if not isinstance(content["record"], dict) or content["record"].get("schema_version") != SCHEMA:
            raise InputError(f"{where}: its record is of another version than {SCHEMA}")
        record = parse(JobRecord, content["record"], where)
        if schema.result_file(record.split, record.method, record.clip) != name:
            raise InputError(
                f"{where}: is of {record.method}, {record.split}, {record.clip}, which lie elsewhere"
            )
        names, columns = content["frames"], content["values"]
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise InputError(f"{where}: 'frames' must be names")
        if record.names_checksum != names_checksum(names):
            raise InputError(f"{where}: the checksum of its frame names differs")
        if not isinstance(columns, dict):
            raise InputError(f"{where}: 'values' must be columns")
        values = {
            metric: _column(column, len(names), f"{where}: {metric}") for metric, column in columns.items()
        }
        scored = {metric for metric, score in record.scores.items() if score.checksum}
        if scored != set(values):
            raise InputError(f"{where}: columns and record differ: {', '.join(sorted(scored ^ set(values)))}")
        for metric, column in values.items():
            if record.scores[metric].checksum != column_checksum(metric, column):
                raise InputError(f"{where}: the checksum of its column {metric} differs: values were changed")
        return BundledResult(
            record, self.where, origin=label_of(self.where), kept=Result(record, names, values)
        )


def label_of(path: Path) -> str:
    """What the rows of a bundle are told apart by: the file's name."""
    return clean_name(path.name).removesuffix(schema.SUFFIX).removesuffix(".zip")


def _column(column: Any, frames: int, where: str) -> np.ndarray:
    """Frame values: null is none, and "Infinity" a word."""
    if not isinstance(column, list) or len(column) != frames:
        raise InputError(f"{where} must have a value or null for each of the {frames} frames")
    found = np.empty(frames)
    for i, value in enumerate(column):
        if value is None:
            found[i] = np.nan
        elif value in ("Infinity", "-Infinity"):
            found[i] = np.inf if value == "Infinity" else -np.inf
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[i] = value
        else:
            raise InputError(f"{where} has {value!r:.40} where a number is due")
    return found
