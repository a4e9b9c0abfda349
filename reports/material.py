"""Everything a report is made from: results, tables, looks, and where frames and slices lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from reports.figures.style import Look, looks
from reports.inputs.bundled import read_bundles, split_values_of, verdicts_of, with_bundles
from reports.inputs.frames import Frames
from reports.inputs.losses import Losses
from reports.inputs.results import AT, Grid, read_results
from reports.inputs.selection import Wanted, as_run, implied, last_protocol, select
from reports.inputs.split_values import SplitValue, combine_splits
from reports.known.unchanged import Unchanged
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.published import figures_of
from reports.tables.shown.choice import shown_board
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.datasets.preparing.described import described
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.method_spec import restrictions, stand_ins
from vfsrbench.results import stats
from vfsrbench.results.board_note import Protocol, protocols
from vfsrbench.results.load import StoredResult
from vfsrbench.results.slice_store import StripStore
from vfsrbench.results.workspace import Workspace


@dataclass(frozen=True)
class Material:
    """`looks` has every method that any table shows; `skipped` names files that could not be read, `losses`
    hears of others while the report is made."""

    board: Board
    results: tuple[StoredResult, ...]
    tables: tuple[Table, ...]
    frames: Frames
    strips: StripStore
    looks: Mapping[str, Look]
    reference_rows: frozenset[str]
    losses: Losses
    protocol: Protocol
    split_values: Mapping[tuple[str, str, str], SplitValue]
    skipped: tuple[str, ...] = ()

    def grid(self, table: Table) -> Grid:
        """The results of a table, methods in its order."""
        return self._grids[table.split]

    @cached_property
    def _grids(self) -> dict[str, Grid]:
        rows = {t.split: [row.method for row in t.rows] for t in self.tables}
        return {t.split: Grid.of(self.results, t.split, rows[t.split], t.clips) for t in self.tables}


def gather(
    board: Board,
    workspace: Path,
    results: Sequence[Path] = (),
    clips: Sequence[str] = (),
    outputs: Mapping[str, Path] | None = None,
    only: Sequence[str] = (),
    said: frozenset[str] = frozenset(),
    resamples: int = stats.RESAMPLES,
    bundles: Sequence[str | Path] = (),
) -> Material:
    """Read results and make the tables, with intervals and ranks from so many resamples. See
    `reports.build_report` for the other parameters and errors."""
    board = board.replace()  # `model_copy` checks nothing
    place = Workspace(workspace)
    losses = Losses(place.damaged)
    others = read_bundles(bundles)
    every, skipped = load(board, place, results, losses, bool(others))
    protocol = None if results else last_protocol(protocols(place, board.name, losses.set_aside), board, said)
    if protocol is None and not every:
        protocol = next((b.protocol for b in others if b.board.name == board.name), None)
    every, unfit = with_bundles(every, others, board.name)
    skipped += unfit
    if protocol is not None:
        board = as_run(board, protocol, said)
        clips = clips or board.dataset.clips or tuple(protocol.clips)
    board = described(board)
    cards = plugins.metrics().cards
    restricted = restrictions(board, plugins.methods())
    beside = frozenset(stand_ins((cards[m] for m in board.metrics if m in cards), plugins.methods()))
    agreed = protocol or implied([r for r in every if not r.origin], board)
    chosen = select(every, Wanted(board, agreed, cards, only, restricted, beside))
    found, skipped = chosen.results, [*skipped, *chosen.lines()]
    if skipped and not found and not board.published:
        splits = ", ".join(map(repr, board.splits))
        raise InputError(f"board {board.name!r}: no results to show on {splits}; {'; '.join(skipped)}")
    sources = replace(default_sources(board, found, clips), beside=beside)
    check_columns(board.metrics, found, sources)
    whole = combine_splits(board, found, place.store, plugins.metrics(), losses)
    values = {**whole.values, **split_values_of(others, found, cards)}
    sources = replace(sources, split_values=values, verdicts=verdicts_of(others, found))
    note = place.cache / "statistics.json"
    tables = build_tables(board, found, sources, resamples=resamples, note=note)
    shown = {row.method for table in tables for row in table.rows}
    prominent = {row.method for table in tables for row in table.rows if row.highlighted}
    reference_rows = frozenset(shown & sources.reference_rows)
    return Material(
        board=shown_board(board, cards),
        results=tuple(found),
        tables=tuple(tables),
        frames=Frames(place, board.dataset, outputs or {}, losses, Unchanged(place.cache / "unchanged.json")),
        strips=StripStore(place.slices, board.figures.slice_column, losses.set_aside),
        looks=looks(shown, reference_rows, prominent),
        reference_rows=reference_rows,
        losses=losses,
        protocol=agreed,
        split_values=values,
        skipped=(*skipped, *(f"{m}: {why}" for m, why in whole.reasons.items())),
    )


def check_columns(metrics: Sequence[str], found: Sequence[StoredResult], sources: Sources) -> None:
    """InputError for a metric that is not installed, in no result, and in no published table."""
    known = {*sources.cards, *(m for r in found for m in (*r.record.clip_values, *r.record.unavailable))}
    if sources.published is not None:
        known |= sources.published.metrics
    for metric in metrics:
        if metric not in known:
            raise did_you_mean("metric", metric, known)


def load(
    board: Board, workspace: Workspace, results: Sequence[Path], losses: Losses, beside: bool = False
) -> tuple[list[StoredResult], list[str]]:
    """All results in the places that are named, or in the workspace, and what was skipped and why. There
    need not be any `beside` others."""
    if not results and (board.published or beside) and not workspace.store.root.exists():
        return [], []
    found, skipped = read_results(list(results) or [workspace.store.root], losses)
    if results and not found:
        why = f" ({skipped[0]})" if skipped else ""
        raise InputError(f"no results in {', '.join(map(str, results))}{why}")
    return found, skipped


def default_sources(board: Board, found: Sequence[StoredResult], clips: Sequence[str] = ()) -> Sources:
    """What the installed cards say about the metrics and methods that appear, and the paper's figures."""
    installed = plugins.methods().entries
    shown_beside = {n for n, e in installed.items() if e.card.source == "gt" or e.card.stands_for}
    names = {r.record.method for r in found}
    sources = Sources(
        cards=plugins.metrics().cards,
        reference_rows=frozenset(m for m in names if m.partition(AT)[0].partition("[")[0] in shown_beside),
        clips=clips,
    )
    guided = {name for name, entry in installed.items() if entry.card.reference == "photo"}
    printed = figures_of(board.published)
    if printed is not None:  # what has no card is given no photograph
        printed = printed.only(lambda name: (name in guided) == (board.reference == "photo"))
    return replace(sources, published=printed)
