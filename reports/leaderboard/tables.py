"""Rows as tables, a split each: the form that Markdown, LaTeX and pages are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.bundles.schema import CellClaim
from reports.leaderboard.config import Config, Rules
from reports.leaderboard.entries import Entry
from reports.tables.leaderboard import column, marks
from reports.tables.model import Cell, Column, Row, Table
from reports.tables.published import Published, figures_of
from vfsrbench import plugins
from vfsrbench.results.stats import Interval, Summary

AT = " @ "


def tables_of(
    config: Config, board: str, entries: Sequence[Entry], new: frozenset[str] = frozenset()
) -> list[Table]:
    """A table for each split of a board; rows of the files that are `new` stand out."""
    rules = config.boards[board]
    published = figures_of(rules.published)
    return [
        _table(
            board, rules, split, [e for e in entries if (e.board, e.split) == (board, split)], published, new
        )
        for split in rules.recipes
    ]


def row_name(entry: Entry) -> str:
    """What a row is called in tables of several laboratories."""
    return f"{entry.method}{AT}{entry.lab}" if entry.lab else entry.method


def _title(entry: Entry) -> str:
    doubts = f" ({', '.join(entry.doubts)})" if entry.doubts else ""
    return f"{entry.title}{doubts}{AT}{entry.lab}" if entry.lab else f"{entry.title}{doubts}"


def columns_of(rules: Rules) -> list[Column]:
    """The board's columns."""
    cards = plugins.metrics().cards
    return [column(metric, cards.get(metric)) for metric in rules.metrics]


def _table(
    board: str,
    rules: Rules,
    split: str,
    entries: Sequence[Entry],
    published: Published | None,
    new: frozenset[str],
) -> Table:
    columns = columns_of(rules)
    rivals = [entry for entry in entries if entry.lab]
    marked = {c.id: _marks(rivals, c) for c in columns}
    rows = [
        Row(
            method=row_name(entry),
            title=_title(entry),
            cells={c.id: _cell(entry, c, marked[c.id], split, published) for c in columns},
            is_reference=not entry.lab,
            licence=entry.facts.licence,
            parameters=entry.facts.parameters,
            speed=entry.cost.speed,
            memory=entry.cost.memory,
            done=entry.done,
            total=entry.total,
            origin=entry.lab,
            verdict=entry.verdict,
            highlighted=entry.file in new and bool(entry.lab),
        )
        for entry in _sorted(entries, rules, columns)
    ]
    measured = {entry.method for entry in entries}
    printed = [] if published is None else published.rows(split, rules.metrics)
    return Table(
        board=board,
        title=rules.title,
        split=split,
        status="",
        demo=False,
        profile="",
        average="clips",
        columns=tuple(columns),
        rows=tuple(rows),
        clips=tuple(rules.clips),
        published=tuple(row for row in printed if row.method not in measured),
        published_source="" if published is None else published.source,
        several=len(rules.recipes) > 1,
    )


def _marks(rivals: Sequence[Entry], by: Column) -> Mapping[str, str]:
    if by.direction == "none":
        return {}
    return marks({row_name(e): e.cells[by.id].mean for e in rivals if by.id in e.cells}, by)


def _cell(
    entry: Entry, by: Column, marked: Mapping[str, str], split: str, published: Published | None
) -> Cell:
    printed = published.find(split, entry.method.partition("[")[0], by.id) if published else None
    claim = entry.cells.get(by.id)
    if claim is None:
        return Cell(Summary(None, float("nan"), None, 0, entry.total), asked=False, published=printed)
    mark = marked.get(row_name(entry), "")
    return Cell(
        _summary(claim),
        mark=mark,  # type: ignore[arg-type]
        missing=claim.missing,
        unavailable=claim.unavailable,
        published=printed,
    )


def _summary(claim: CellClaim) -> Summary:
    bounds = None if claim.low is None or claim.high is None else Interval(claim.low, claim.high)
    known = float("nan") if claim.mean is None else claim.mean
    return Summary(claim.mean, known, bounds, claim.n, claim.total)


def _sorted(entries: Sequence[Entry], rules: Rules, columns: Sequence[Column]) -> list[Entry]:
    """By the board's metric, or the first that compares with the ground truth, or by name; rows without a
    value of it, then reference rows, last."""
    orders = [c for c in columns if not c.gameable]
    by = next((c for c in orders if c.id == rules.sort_by), next(iter(orders), None))

    def place(entry: Entry) -> tuple[bool, bool, float, str]:
        if by is None:
            return not entry.lab, False, 0.0, row_name(entry)
        claim = entry.cells.get(by.id)
        value = None if claim is None else claim.mean
        if value is None:
            return not entry.lab, True, 0.0, row_name(entry)
        return not entry.lab, False, -value if by.direction == "higher" else value, row_name(entry)

    return sorted(entries, key=place)
