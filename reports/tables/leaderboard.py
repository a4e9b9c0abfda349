"""Results -> tables: one for each split of a board, with intervals, marks, ranks and what must be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from reports.inputs.results import Grid
from reports.inputs.split_values import SplitValue
from reports.tables.finders import finder_notes
from reports.tables.model import Cell, Column, Mark, PublishedRow, Row, Table, Threshold
from reports.tables.published import Published
from reports.tables.wins import win_tables
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.foreign_text import one_line
from vfsrbench.method_spec import choose_method, restrictions
from vfsrbench.results import stats
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord
from vfsrbench.runtime.reach import ALLOWED

FEW_CLIPS = 6
"""Below this number of clips no signed-rank test can reach 5 %: the table says so."""


@dataclass(frozen=True)
class Sources:
    """What a table is made from beside the results themselves.

    `cards` are the known metrics by id; `reference_rows` the methods that are fed the ground truth; `clips`
    those that the run planned (default: all that any result names); `split_values` the values of metrics
    over a whole split, by (split, method, metric).
    """

    cards: Mapping[str, MetricCard] = field(default_factory=dict)
    reference_rows: frozenset[str] = frozenset()
    clips: Sequence[str] = ()
    split_values: Mapping[tuple[str, str, str], SplitValue] = field(default_factory=dict)
    published: Published | None = None


def build_tables(
    board: Board, results: Iterable[StoredResult], sources: Sources, *, resamples: int = stats.RESAMPLES
) -> list[Table]:
    """One table for each of the board's splits that has results or published figures, in the board's order.

    InputError when there is neither.
    """
    board.check_order(sources.cards)
    of_board = [r for r in results if r.record.split in board.splits and r.record.seed == board.seed]
    printed = sources.published
    papers = {s for s in board.splits if printed is not None and printed.rows(s, board.metrics)}
    if not of_board and not papers:
        raise InputError(
            f"board {board.name!r}: no results for its splits {', '.join(board.splits)}; "
            f"`vfsrbench run {board.name}` makes them"
        )
    clips = _clips(board, of_board, sources)
    tables = []
    for split in board.splits:
        here = [r for r in of_board if r.record.split == split]
        if here or split in papers:
            tables.append(_Builder(board, split, here, clips, sources, resamples).table())
    return tables


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
    resamples: int

    def __post_init__(self) -> None:
        named = {r.record.method: r.record for r in self.results if r.record.clip in self.clips}
        self.refused = sorted({r.record.method for r in self.results if r.record.untrained})
        order = method_order(self.board, named)
        self.grid = Grid.of(self.results, self.split, [m for m in order if m not in self.refused], self.clips)
        self.restricted = restrictions(self.board, plugins.methods())
        self.expected = {m: self._expected(m) for m in self.grid.methods}
        self.titles = method_titles([named[m] for m in self.grid.methods])
        self.columns = tuple(column(m, self.sources.cards.get(m)) for m in self.board.metrics)
        versus = self.board.versus
        if versus and versus not in self.grid.methods and not self._known_elsewhere(versus):
            raise did_you_mean("method to compare with", versus, self.grid.methods)
        self.versus = versus if versus in self.grid.methods else None

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
        done = (r.record for method in self.grid.methods for r in self.grid.done(method))
        found = finder_notes(done, self.columns)
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
            notes=(*self._notes(rows), *found),
            found=tuple(found),
            wins=win_tables(self.grid, self.columns, rows),
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
        places = stats.ranks(rivals, column.direction, seed=self.board.seed, resamples=self.resamples)
        marks = _marks({m: cells[m].value for m in rivals}, column)
        versus: dict[str, stats.Comparison] = {}
        if self.versus is not None and not np.isnan(series[self.versus]).all():
            versus = stats.compare(
                series, self.versus, column.direction, seed=self.board.seed, resamples=self.resamples
            )
        return {
            m: replace(c, mark=marks.get(m, ""), rank=places.get(m), versus=versus.get(m))
            for m, c in cells.items()
        }

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
        reason = next((r.unavailable[column.id] for r in records if column.id in r.unavailable), "")
        if whole is not None:
            n = len(records)
            total = self._total(method)
            whole_split = n == total and not np.isnan(whole.value)
            mean, interval = (whole.value, whole.interval) if whole_split else (None, None)
            return Cell(stats.Summary(mean, whole.value, interval, n, total), published=figure)
        if not due.any():
            empty = stats.Summary(None, float("nan"), None, 0, self._total(method))
            return Cell(empty, unavailable=reason, published=figure)
        weights = None
        if self.board.average == "frames":
            weights = self.grid.frame_counts(method, column.id)[due]
        summary = stats.summarise(values[due], weights, seed=self.board.seed, resamples=self.resamples)
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
            off=next((r.findings[0] for r in done if r.findings), ""),
        )

    def _sorted(self, rows: list[Row]) -> list[Row]:
        """By the board's metric if it names one (rows without some clips last), reference rows at the end."""
        by = next((c for c in self.columns if c.id == self.board.sort_by), None)

        def place(row: Row) -> tuple[bool, bool, float]:
            value = row.cells[by.id].value if by else None
            if by is None or value is None or not self._on_all(row.method):
                return row.is_reference, by is not None, 0.0
            return row.is_reference, False, -value if by.direction == "higher" else value

        return sorted(rows, key=place)

    def _published_rows(self, published: Published) -> tuple[PublishedRow, ...]:
        measured = set(self.grid.methods)
        return tuple(r for r in published.rows(self.split, self.board.metrics) if r.method not in measured)

    def _known_elsewhere(self, method: str) -> bool:
        return method in self.refused or any(method == spec for spec in self.board.methods)

    def _notes(self, rows: Sequence[Row]) -> list[str]:
        if not rows and not self.refused:
            return ["Nothing measured yet: these are published figures only."]
        return [*self._notes_on_jobs(), *self._notes_on_values(rows)]

    def _notes_on_jobs(self) -> list[str]:
        notes = [f"{m} ran with untrained weights and is not on the board." for m in self.refused]
        notes += self._notes_on_restrictions()
        for method in self.grid.methods:
            bad = [r.record for r in self.grid.of_method(method) if r.record.status != "ok"]
            if bad:
                first = bad[0]
                notes.append(
                    f"{method}: {len(bad)} of {self._total(method)} clips without a result; "
                    f"{first.clip}: {first.status}, {first.reason or 'no reason recorded'}."
                )
        for method in self.grid.methods:
            shares = [r.record.clamped for r in self.grid.done(method) if r.record.clamped > ALLOWED]
            if shares:
                notes.append(
                    f"{method}: wrong range? In {len(shares)} of {self._total(method)} clips up to "
                    f"{max(shares):.1%} of its values lay far outside [0, 1] and were clamped."
                )
        for method in self.grid.methods:
            cut = [r.record for r in self.grid.done(method) if r.record.smaller_windows]
            if cut:
                notes.append(
                    f"{method}: another protocol. Memory ran out in {len(cut)} of {len(self.clips)} clips, "
                    f"restored in windows of {min(r.window or 0 for r in cut)} frames or more, smaller than "
                    "the method's own; its results depend on that."
                )
            off = [r.record for r in self.grid.done(method) if r.record.findings]
            if off:
                total = len(self.grid.done(method))
                notes.append(
                    f"{method}: against the ground truth {len(off)} of {total} clips are off; "
                    f"{off[0].clip}: {', '.join(off[0].findings)}. Nothing was corrected."
                )
        odd = [m for m in self.grid.methods if not all(r.record.canonical for r in self.grid.done(m))]
        if odd:
            notes.append(
                f"Degraded frames differ from the published manifest for {', '.join(odd)}: not canonical."
            )
        return notes

    def _notes_on_restrictions(self) -> list[str]:
        notes = []
        for method, only in self.restricted.items():
            if not only.on_split(self.split):
                where = f": only for {', '.join(only.splits)}" if only.splits else ""
                notes.append(f"{method} is not on the board for this split{where}.")
            elif method in self.expected and not self._on_all(method):
                chosen = [c for c, here in zip(self.clips, self.expected[method], strict=True) if here]
                notes.append(
                    f"{method} is on the board for {len(chosen)} of {len(self.clips)} clips "
                    f"({one_line(', '.join(chosen))}): its means are over these, without place or mark."
                )
        return notes

    def _notes_on_values(self, rows: Sequence[Row]) -> list[str]:
        notes = []
        for col in self.columns:
            reasons = sorted({r.cells[col.id].unavailable for r in rows} - {""})
            notes += [f"{col.title}: n/a, {reason}." for reason in reasons]
            lost = [f"{r.method} {r.cells[col.id].missing}" for r in rows if r.cells[col.id].missing]
            if lost:
                notes.append(f"{col.title}: frames without a value: {', '.join(lost)}.")
            whole = self.sources.split_values.items()
            samples = {v.n for (split, _, m), v in whole if (split, m) == (self.split, col.id)}
            if samples:
                notes.append(f"{col.title}: from n = {', '.join(map(str, sorted(samples)))} samples a row.")
            without = int((~self.grid.due(col.id)).sum())
            if 0 < without < len(self.clips):
                notes.append(f"{col.title}: {without} clips have no value for any method and do not count.")
        if len(self.clips) < FEW_CLIPS:
            notes.append(
                f"{len(self.clips)} clips are too few for a test: take intervals and ranks as a hint."
            )
        return notes


def column(metric: str, card: MetricCard | None) -> Column:
    """The column of a metric; one without a card (another installation's) goes by its id."""
    if card is None:
        return Column(metric, metric)
    line = None if card.threshold is None else Threshold(card.threshold.value, card.threshold.beyond)
    facts = (card.id, card.title, card.unit, card.direction, card.digits, card.definition)
    return Column(*facts, line, card.gameable)


def method_titles(records: Iterable[JobRecord]) -> dict[str, str]:
    """A title for each method: its card's, the options that differ, and its id where two would be alike."""
    titles = {}
    for record in records:
        name, bracket, options = record.method.partition("[")
        title = one_line(record.method_title or name)
        if bracket and not title.endswith("]"):
            title = f"{title} [{options}"
        titles[record.method] = title
    often = Counter(titles.values())
    return {m: t if often[t] == 1 else f"{t} ({m})" for m, t in titles.items()}


def method_order(board: Board, found: Iterable[str]) -> list[str]:
    """Methods that have results: the board's first, in its order, then the others by name."""
    known, installed = set(found), plugins.methods()
    named = dict.fromkeys(canonical_method(spec, installed) for spec in board.methods)
    first = [m for m in named if m in known]
    return first + sorted(known - set(first))


def canonical_method(spec: str, installed: plugins.Registry[MethodCard]) -> str:
    """The id under which results of `name[option=value]` are stored; unknown methods go by their text."""
    try:
        return choose_method(spec, installed).id
    except InputError:
        return spec


def _marks(values: Mapping[str, float | None], column: Column) -> dict[str, Mark]:
    """Best and second, as they are printed: equal digits share a mark. A lone row gets none."""
    shown = {m: round(v, column.digits) for m, v in values.items() if v is not None and not np.isnan(v)}
    if len(shown) < 2:
        return {}
    order = sorted(set(shown.values()), reverse=column.direction == "higher")
    names: dict[float, Mark] = {order[0]: "best"}
    if len(order) > 1:
        names[order[1]] = "second"
    return {m: names[v] for m, v in shown.items() if v in names}
