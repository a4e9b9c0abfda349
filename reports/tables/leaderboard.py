"""Results -> tables: one for each split of a board, with intervals, marks, ranks and what must be said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from reports.inputs.results import Grid, is_asked
from reports.inputs.split_values import SplitValue
from reports.known.statistics import Statistics
from reports.tables.finders import crop_notes, finder_notes
from reports.tables.model import Cell, Column, Mark, PublishedRow, Row, Table, Threshold
from reports.tables.notes import Noted
from reports.tables.published import Published
from reports.tables.rounding import as_printed
from reports.tables.shown.choice import (
    BY_NAME,
    check_methods,
    digits_of,
    highlighted,
    shown_board,
    shown_methods,
    shown_papers,
)
from reports.tables.shown.headings import short_name
from reports.tables.shown.idle import idle_lines
from reports.tables.shown.names import method_order, method_titles
from reports.tables.wins import win_tables
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.method_spec import restrictions
from vfsrbench.results import stats
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord

NO_VALUE = "no clip has a value with any method"


@dataclass(frozen=True)
class Sources:
    """What a table is made from beside the results themselves.

    `cards` are the known metrics by id; `reference_rows` the methods that show the ground truth or the input;
    `clips` those that the run planned (default: all that any result names); `split_values` the values of
    metrics over a whole split, by (split, method, metric); `beside` the reference rows of metrics, which are
    shown whatever methods are chosen; `verdicts`, by (split, method), how far rows of bundles were checked.
    """

    cards: Mapping[str, MetricCard] = field(default_factory=dict)
    reference_rows: frozenset[str] = frozenset()
    clips: Sequence[str] = ()
    split_values: Mapping[tuple[str, str, str], SplitValue] = field(default_factory=dict)
    published: Published | None = None
    beside: frozenset[str] = frozenset()
    verdicts: Mapping[tuple[str, str], str] = field(default_factory=dict)


def build_tables(
    board: Board,
    results: Iterable[StoredResult],
    sources: Sources,
    *,
    resamples: int = stats.RESAMPLES,
    note: Path | None = None,
) -> list[Table]:
    """One table for each of the board's splits that has results or published figures, in the board's order.

    `note` keeps statistics for the next time (`reports.known.statistics`). InputError when there is neither
    result nor figure.
    """
    board = shown_board(board, sources.cards)
    sources = replace(sources, published=shown_papers(sources.published, board))
    of_board = [r for r in results if r.record.split in board.splits and r.record.seed == board.seed]
    printed = sources.published
    papers = {s for s in board.splits if printed is not None and printed.rows(s, board.metrics)}
    if not of_board and not papers:
        raise InputError(
            f"board {board.name!r}: no results for its splits {', '.join(board.splits)}; "
            f"`vfsrbench run {board.name}` makes them"
        )
    check_methods(board, {r.record.method for r in of_board})
    clips = _clips(board, of_board, sources)
    tables = []
    statistics = Statistics(board.seed, resamples, note)
    for split in board.splits:
        here = [r for r in of_board if r.record.split == split]
        if here or split in papers:
            tables.append(_Builder(board, split, here, clips, sources, statistics).table())
    statistics.keep()
    return [replace(table, several=len(tables) > 1) for table in tables]


def _clips(board: Board, results: Sequence[StoredResult], sources: Sources) -> tuple[str, ...]:
    """The clips that a complete row must have."""
    return tuple(sources.clips or board.dataset.clips or sorted({r.record.clip for r in results}))


@dataclass
class _Builder:
    """Holds what the parts of one table share while it is being made."""

    board: Board
    split: str
    results: Sequence[StoredResult]
    clips: tuple[str, ...]
    sources: Sources
    statistics: Statistics

    def __post_init__(self) -> None:
        named = {r.record.method: r.record for r in self.results if r.record.clip in self.clips}
        self.refused = sorted({r.record.method for r in self.results if r.record.untrained})
        order = shown_methods(self.board, method_order(self.board, named), self._beside())
        self.idle = {m: reason for m in order if (reason := self._never_ran(m)) is not None}
        shown = [
            m for m in order if m not in self.refused and m not in self.idle and self._is_asked(named[m])
        ]
        self.grid = Grid.of(self.results, self.split, shown, self.clips)
        self.restricted = restrictions(self.board, plugins.methods())
        self.expected = {m: self._expected(m) for m in self.grid.methods}
        self.titles = method_titles([named[m] for m in self.grid.methods])
        shown_records = [named[m] for m in self.grid.methods]
        self.highlighted = highlighted(self.board, shown_records, self.sources.reference_rows)
        self.columns = tuple(self._head(metric) for metric in self.board.metrics)
        versus = self.board.versus
        if versus and versus not in self.grid.methods and not self._known_elsewhere(versus):
            raise did_you_mean("method to compare with", versus, self.grid.methods)
        self.versus = versus if versus in self.grid.methods else None

    def _never_ran(self, method: str) -> str | None:
        """Why a method was skipped on all of its clips; None if it was not."""
        records = [
            r.record for r in self.results if r.record.method == method and r.record.clip in self.clips
        ]
        return records[0].reason if {r.status for r in records} == {"skipped"} else None

    def _beside(self) -> frozenset[str]:
        """The reference rows that the columns are read beside."""
        cards = (self.sources.cards.get(metric) for metric in self.board.metrics)
        return self.sources.beside if any(card and card.gameable for card in cards) else frozenset()

    def _is_asked(self, record: JobRecord) -> bool:
        """Whether the method is scored by any of the columns; reference rows may be by others alone."""
        return any(is_asked(record, metric) for metric in self.board.metrics)

    def _head(self, metric: str) -> Column:
        found = column(metric, self.sources.cards.get(metric))
        return replace(found, digits=digits_of(self.board, metric, found.digits))

    def table(self) -> Table:
        columns = {c.id: self._column_cells(c) for c in self.columns}
        rows = [
            self._row(method, {c: cells[method] for c, cells in columns.items()})
            for method in self.grid.methods
        ]
        records = [r.record for r in self.results]
        profiles = sorted({r.profile for r in records if r.profile})
        published = self.sources.published
        rows = self._sorted(rows)
        done = [r.record for method in self.grid.methods for r in self.grid.done(method)]
        found = finder_notes(done, self.columns)
        idle, style = idle_lines(self.board, self.idle), self.board.table
        return Table(
            board=self.board.name,
            title=self.board.title,
            split=self.split,
            status=next((r.split_status for r in records if r.split_status), ""),
            demo=any(r.demo for r in records),
            profile=" and ".join(profiles),
            average=self.board.average,
            columns=self.columns,
            rows=tuple(rows),
            clips=self.clips,
            versus=self.versus,
            published=() if published is None else self._published_rows(published),
            published_source="" if published is None else published.source,
            notes=(*idle, *self._noted().notes(rows), *found, *crop_notes(done)),
            found=tuple(found),
            wins=win_tables(self.grid, self.columns, rows),
            not_run=tuple(self.idle),
            facts=style.facts,
            own_caption=style.caption,
            own_label=style.label,
        )

    def _column_cells(self, column: Column) -> dict[str, Cell]:
        due = self.grid.due(column.id)
        every = {m: self.grid.clip_values(m, column.id) for m in self.grid.methods}
        cells = {m: self._cell(m, column, values, due & self.expected[m]) for m, values in every.items()}
        if column.direction == "none":
            return cells
        series = {m: values[due] for m, values in every.items()}
        # means over some clips alone are not in the same order as means over all
        rivals = {m: v for m, v in series.items() if m not in self.sources.reference_rows and self._on_all(m)}
        weights = self._weights(column, due)
        places = self.statistics.ranks(rivals, column.direction, weights)
        marked = marks({m: cells[m].value for m in rivals}, column)
        versus: dict[str, stats.Comparison] = {}
        if self.versus is not None and not np.isnan(series[self.versus]).all():
            versus = self.statistics.compare(series, self.versus, column.direction, weights)
        return {
            m: replace(c, mark=marked.get(m, ""), rank=places.get(m), versus=versus.get(m))
            for m, c in cells.items()
        }

    def _weights(self, column: Column, due: np.ndarray) -> dict[str, np.ndarray] | None:
        """What clips weigh in a column, by method, if they do not weigh the same."""
        if self.board.average == "clips":
            return None
        return {m: self.grid.frame_counts(m, column.id)[due] for m in self.grid.methods}

    def _expected(self, method: str) -> np.ndarray:
        """On which of the clips the board runs a method."""
        only = self.restricted.get(method)
        return np.array([only is None or only.on_clip(clip) for clip in self.clips], dtype=np.bool_)

    def _on_all(self, method: str) -> bool:
        return bool(self.expected[method].all())

    def _total(self, method: str) -> int:
        """The clips of a complete row."""
        return int(self.expected[method].sum())

    def _cell(self, method: str, column: Column, values: np.ndarray, due: np.ndarray) -> Cell:
        published = self.sources.published
        figure = published.find(self.split, method, column.id) if published else None
        whole = self.sources.split_values.get((self.split, method, column.id))
        records = [r.record for r in self.grid.done(method)]
        if records and not any(is_asked(record, column.id) for record in records):
            nothing = stats.Summary(None, float("nan"), None, 0, self._total(method))
            return Cell(nothing, asked=False)
        reason = next((r.unavailable[column.id] for r in records if column.id in r.unavailable), "")
        if whole is not None:
            n = len(records)
            total = self._total(method)
            whole_split = n == total and not np.isnan(whole.value)
            mean, interval = (whole.value, whole.interval) if whole_split else (None, None)
            return Cell(stats.Summary(mean, whole.value, interval, n, total), published=figure)
        if not due.any():
            empty = stats.Summary(None, float("nan"), None, 0, self._total(method))
            return Cell(empty, unavailable=reason or NO_VALUE, published=figure)
        weights = (self._weights(column, due) or {}).get(method)
        summary = self.statistics.summarise(values[due], weights)
        missing = sum(r.missing.get(column.id, 0) for r in records)
        return Cell(summary, missing=missing, unavailable=reason, published=figure)

    def _row(self, method: str, cells: dict[str, Cell]) -> Row:
        done = [r.record for r in self.grid.done(method)]
        seconds = sum(r.restore_seconds for r in done)
        any_record = self.grid.of_method(method)[0].record
        return Row(
            method=method,
            title=self.titles[method],
            cells=cells,
            is_reference=method in self.sources.reference_rows,
            licence=any_record.method_licence,
            parameters=any_record.parameters,
            speed=sum(r.frames for r in done if r.restore_seconds) / seconds if seconds else None,
            memory=max((r.peak_memory for r in done), default=0) or None,
            done=len(done),
            total=self._total(method),
            profile=any_record.profile,
            canonical=all(r.canonical for r in done),
            clamped=max((r.clamped for r in done), default=0.0),
            imported=bool(any_record.imported),
            smaller_windows=any(r.smaller_windows for r in done),
            cropped=next((r.cropped for r in done if r.cropped), ""),
            off=next((r.findings[0] for r in done if r.findings), ""),
            highlighted=method in self.highlighted,
            origin=self.grid.of_method(method)[0].origin,
            verdict=self.sources.verdicts.get((self.split, method), ""),
        )

    def _sorted(self, rows: list[Row]) -> list[Row]:
        """By the board's metric if it names one (rows without some clips last), or by name; reference rows
        at the end."""
        if self.board.table.order == BY_NAME:
            return sorted(rows, key=lambda row: (row.is_reference, row.title.casefold()))
        metric = self.board.sort_by
        if metric is None or (metric not in self.board.metrics and not self.grid.methods):
            return sorted(rows, key=lambda row: row.is_reference)
        by = self._head(metric)  # it need not be shown
        values = {m: cell.value for m, cell in self._column_cells(by).items()}

        def place(row: Row) -> tuple[bool, bool, float]:
            value = values[row.method]
            if value is None or not self._on_all(row.method):
                return row.is_reference, True, 0.0
            return row.is_reference, False, -value if by.direction == "higher" else value

        return sorted(rows, key=place)

    def _published_rows(self, published: Published) -> tuple[PublishedRow, ...]:
        measured = set(self.grid.methods)
        return tuple(r for r in published.rows(self.split, self.board.metrics) if r.method not in measured)

    def _noted(self) -> Noted:
        return Noted(
            self.split,
            self.grid,
            self.columns,
            self.refused,
            tuple(self.idle),
            self.restricted,
            self.expected,
            self.sources.split_values,
        )

    def _known_elsewhere(self, method: str) -> bool:
        return (
            method in self.refused
            or method in self.idle
            or any(method == spec for spec in self.board.methods)
        )


def column(metric: str, card: MetricCard | None) -> Column:
    """The column of a metric; one without a card (another installation's) goes by its id."""
    if card is None:
        return Column(metric, metric, short=metric)
    line = None if card.threshold is None else Threshold(card.threshold.value, card.threshold.beyond)
    facts = (card.id, card.title, card.unit, card.direction, card.digits, card.definition)
    return Column(*facts, line, card.gameable, short_name(card))


def marks(values: Mapping[str, float | None], column: Column) -> dict[str, Mark]:
    """Best and second by row, as they are printed: equal digits share a mark. A lone row gets none."""
    shown = {m: as_printed(v, column.digits) for m, v in values.items() if v is not None and not np.isnan(v)}
    if len(shown) < 2:
        return {}
    order = sorted(set(shown.values()), reverse=column.direction == "higher")
    names: dict[Decimal, Mark] = {order[0]: "best"}
    if len(order) > 1:
        names[order[1]] = "second"
    return {m: names[v] for m, v in shown.items() if v in names}
