"""Writes a bundle: what a workspace has of a board, in one file that others can check."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from degradations.manifest import Manifest
from reports.bundles import schema
from reports.bundles.archive import write_archive
from reports.bundles.draw import drawn_clips
from reports.bundles.schema import Head, to_json
from reports.bundles.scrub import Private
from reports.material import Material, gather
from reports.sharing.claims import claims_of
from reports.sharing.manifests import manifests_of
from reports.sharing.summaries import environment_of, licences_of
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.errors import InputError, counted
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.clip import Clip
from vfsrbench.io.images.folder import encode_png
from vfsrbench.io.safety.targets import refuse_overlap
from vfsrbench.results.job import Values, column_checksum, names_checksum
from vfsrbench.results.load import StoredResult
from vfsrbench.results.workspace import FOLDERS, Workspace
from vfsrbench.scoring.derived import with_sources
from vfsrbench.version import __version__

_BY_METRIC = ("clip_values", "metrics", "missing", "unavailable")


@dataclass(frozen=True)
class Written:
    """A bundle that was written: its file, the digest of its content, and its size in bytes.

    `left_out` says which results do not fit the board's protocol, `without` what could not be put in, and
    `doubts` what the user may want to look at before it is shared.
    """

    path: Path
    digest: str
    size: int
    results: int
    left_out: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def write_bundle(
    board: Board,
    workspace: str | Path,
    out: str | Path,
    *,
    methods: Sequence[str] = (),
    with_frames: int = 0,
    outputs: Mapping[str, Path] | None = None,
    said: frozenset[str] = frozenset(),
    replace: bool = False,
    progress: Callable[[str], None] = lambda what: None,
) -> Written:
    """Write the results of a board, and all that it takes to check them, into one zip file.

    Equal results give equal bytes, on each call and from a copy of the workspace.

    Args:
        board: The board.
        workspace: The folder in which it was run.
        out: The file, `lab.vfsr.zip`.
        methods: Some of the methods, by id or by name without options. Default: all.
        with_frames: So many clips' restored frames are put in, without loss. They must have been kept
            (`vfsrbench run --keep png`), or lie in `outputs`.
        outputs: Folders of restored clips of your own, by the name of their row.
        said: What of the board (`dataset`, `frames`, `scale`, `seed`) is not taken from its last run.
        replace: Write over a bundle that is there already.
        progress: Called with what is being done.

    Returns:
        What was written.

    Raises:
        InputError: There are no results, frames that are asked for are not kept, or `out` is there already.
    """
    place, target = Workspace(Path(workspace)), Path(out)
    check_target(target, place, board, replace)
    progress("results")
    material = gather(board, place.root, outputs=outputs, only=methods, said=said)
    if not material.results:
        raise InputError(
            f"board {board.name!r}: no results to bundle; `vfsrbench run {board.name}` makes them"
        )
    data = material.board.dataset.path
    private = Private.here([place.root, data, *(outputs or {}).values()])
    content = _Content(material, place, private)
    drawn = drawn_clips(material.protocol.clips, with_frames)
    frames = content.frames(drawn)
    texts = content.texts(sorted({result.record.clip for result, _ in frames}))
    for name, text in texts.items():
        if left := private.found_in(text):
            raise InputError(f"the bundle's {name} would hold the path {left}: nothing was written")
    with atomic_file(target) as temporary, temporary.open("wb") as file:
        write_archive(file, content.files(texts, frames, progress))
    words = sorted({word for text in texts.values() for word in private.words_in(text)})
    doubt = "the bundle says {!r}, the name of {} here: look whether it should be shared"
    return Written(
        path=target,
        digest=content.digest,
        size=target.stat().st_size,
        results=len(material.results),
        left_out=(*material.skipped, *material.losses.lines),
        without=content.head.without,
        doubts=tuple(
            doubt.format(w, "user" if (private.words or {})[w] == "<user>" else "machine") for w in words
        ),
    )


def check_target(target: Path, place: Workspace, board: Board, replace: bool) -> None:
    """InputError unless a bundle may be written there."""
    refuse_overlap(target, [*(place.root / name for name in FOLDERS), board.dataset.path])
    if target.is_dir():
        raise InputError(f"{target}: is a folder; say the bundle's file, as {target / f'lab{schema.SUFFIX}'}")
    if os.path.lexists(target) and not replace:
        raise InputError(f"{target}: is there already; choose another name, or say --replace")
    if not target.name.endswith(".zip"):
        raise InputError(f"{target}: bundles are zip files; call it {target.name}{schema.SUFFIX}")


@dataclass
class _Content:
    """The files of a bundle."""

    material: Material
    place: Workspace
    private: Private
    without: list[str] = field(default_factory=list)

    def texts(self, frames_of: Sequence[str]) -> dict[str, bytes]:
        """All JSON files but the last one, by name."""
        material = self.material
        board = material.board.replace(published=(), figures={}, dataset=_bare(material.board))
        claims = claims_of(material.tables, material.split_values)
        said = material.protocol.as_json() | {"keys": []}
        said["use"]["path"] = None
        jobs = {schema.result_file(*self._place(r)): self._result(r) for r in material.results}
        if len(jobs) < len(material.results):
            raise InputError("two methods have one name when paths are taken out of it; rename one")
        files: dict[str, Any] = {
            schema.BOARD: board.model_dump(mode="json"),
            schema.PROTOCOL: said,
            schema.TABLES: claims.model_dump(mode="json"),
            schema.LICENCES: licences_of(material.results),
            schema.ENVIRONMENT: environment_of(material.results),
            **self._cards(),
        }
        texts = {name: to_json(self.private.tree(value)) for name, value in files.items()}
        texts |= {
            schema.manifest_file(split): to_json(self.private.tree(m.model_dump(mode="json")), in_order=False)
            for split, m in self._manifests.items()
        }
        texts |= {name: to_json(value, compact=True) for name, value in jobs.items()}
        facts = {
            "board": board.name,
            "title": board.title,
            "dataset": material.protocol.name,
            "seed": material.protocol.seed,
            "splits": [table.split for table in material.tables],
            "methods": list(dict.fromkeys(row.method for row in claims.rows)),
            "clips": claims.clips,
            "results": len(jobs),
            "frames_of": frames_of,
            "without": [self.private.cleaned_free(line) for line in self.without],
        }
        none_yet = {schema.HEAD: "0" * 64}
        self.head = Head(vfsrbench=__version__, files=none_yet, **self.private.tree(facts))
        return dict(sorted(texts.items()))

    def files(
        self,
        texts: Mapping[str, bytes],
        frames: Sequence[tuple[StoredResult, Clip]],
        progress: Callable[[str], None],
    ) -> Iterator[tuple[str, bytes]]:
        """Every file, in the order in which they lie in the bundle; the head, with their checksums, last."""
        sums: dict[str, str] = {}
        for name, data in texts.items():
            sums[name] = schema.sha256(data)
            yield name, data
        for result, clip in frames:
            record = result.record
            progress(f"frames of {record.method}, {record.split}, {record.clip}")
            for number, frame in enumerate(clip.frames()):
                name, data = schema.frame_file(*self._place(result), number), encode_png(frame)
                sums[name] = schema.sha256(data)
                yield name, data
        self.head = self.head.replace(files=dict(sorted(sums.items())))
        yield schema.HEAD, to_json(self.head.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """The digest of the content, once all files were written."""
        return schema.content_digest(self.head)

    def frames(self, clips: Sequence[str]) -> list[tuple[StoredResult, Clip]]:
        """The restored clips that are put in: of all rows but reference rows. InputError names what is not
        kept."""
        found, lost = [], []
        for result in self.material.results:
            record = result.record
            if (
                record.clip not in clips
                or record.status != "ok"
                or record.method in self.material.reference_rows
            ):
                continue
            clip = self.material.frames.restored(record)
            if clip is None or clip.digest() != record.restored_digest:
                lost.append(f"{record.method}, {record.split}, {record.clip}")
            else:
                found.append((result, clip))
        if lost:
            more = f" and of {counted(len(lost) - 1, 'other job')}" if len(lost) > 1 else ""
            raise InputError(
                f"the restored frames of {lost[0]}{more} are not kept here: `vfsrbench run "
                f"{self.material.board.name} --keep png` keeps them, --outputs NAME=FOLDER says where those "
                "of a row lie; or leave --with-frames out"
            )
        return found

    def _place(self, result: StoredResult) -> tuple[str, str, str]:
        """The names of a job as the bundle has them."""
        record = result.record
        split, method, clip = (self.private.cleaned(n) for n in (record.split, record.method, record.clip))
        return split, method, clip

    def _result(self, result: StoredResult) -> dict[str, Any]:
        """A job's file: columns that do not count here are left out, and what a workspace alone has."""
        record = result.record
        of_board = self._of_board
        values = dict(result.values) if record.status == "ok" else {}
        scores = {
            metric: score.model_copy(
                update={
                    "checksum": column_checksum(metric, values[metric]) if metric in values else "",
                    "features": "",
                    "gt_features": "",
                }
            )
            for metric, score in record.scores.items()
            if metric in of_board - result.hidden
        }
        values = {metric: column for metric, column in values.items() if metric in scores}
        names = list(result.whole.frame_names) if record.status == "ok" else []
        by_metric = {
            name: {m: v for m, v in getattr(record, name).items() if m in of_board} for name in _BY_METRIC
        }
        changes = {"scores": scores, "names_checksum": names_checksum(names), **by_metric}
        cleaned = record.model_copy(update={**changes, "broken": [m for m in record.broken if m in of_board]})
        facts = self.private.tree(json.loads(cleaned.model_dump_json()))
        return {"record": facts, "frames": names, "values": {m: _column(v) for m, v in values.items()}}

    @cached_property
    def _of_board(self) -> set[str]:
        """The board's metrics, and those that they are derived from."""
        known, metrics = plugins.metrics(), self.material.board.metrics
        sources = with_sources([metric for metric in metrics if metric in known.cards], known)
        return {*metrics, *(card.id for card in sources)}

    def _cards(self) -> dict[str, Any]:
        """The cards of the methods and metrics that results name, as far as they are installed here."""
        methods, metrics = plugins.methods().entries, plugins.metrics().cards
        names = sorted({r.record.method.partition("[")[0] for r in self.material.results})
        ids = sorted({*self.material.board.metrics, *self._of_board})
        self._miss("card of the method", [name for name in names if name not in methods])
        self._miss("card of the metric", [metric for metric in ids if metric not in metrics])
        cards = {schema.card_file("methods", n): card_facts(methods[n].card) for n in names if n in methods}
        return cards | {schema.card_file("metrics", m): card_facts(metrics[m]) for m in ids if m in metrics}

    @cached_property
    def _manifests(self) -> dict[str, Manifest]:
        return manifests_of(self.material, self.place, self.without)

    def _miss(self, what: str, names: Iterable[str]) -> None:
        self.without += [f"{what} {name!r}: it is not installed here" for name in names]


def card_facts(card: Any) -> dict[str, Any]:
    """A card as bundles have it."""
    facts: dict[str, Any] = card.model_dump(mode="json", by_alias=True)
    return facts


def _bare(board: Board) -> Any:
    return board.dataset.model_copy(update={"path": None})


def _column(values: Values) -> list[float | str | None]:
    """Frame values as JSON has them: null for none."""
    words = {math.inf: "Infinity", -math.inf: "-Infinity"}
    return [None if math.isnan(value) else words.get(value, value) for value in map(float, values)]
