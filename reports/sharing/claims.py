"""What tables say, as a bundle claims it; and whether that follows from its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.bundles.reading import Bundle
from reports.bundles.schema import CellClaim, RowClaim, Tables
from reports.inputs.bundled import claimed_split_values
from reports.inputs.split_values import SplitValue
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Cell, Table
from vfsrbench.card import MetricCard


def claims_of(tables: Sequence[Table], whole: Mapping[tuple[str, str, str], SplitValue]) -> Tables:
    """What tables say, without their looks; `whole` has the values over whole splits."""
    rows = [
        RowClaim(
            split=table.split,
            method=row.method,
            title=row.title,
            reference_row=row.is_reference,
            done=row.done,
            total=row.total,
            cells={
                metric: _claim(cell, whole.get((table.split, row.method, metric)))
                for metric, cell in row.cells.items()
                if cell.asked
            },
        )
        for table in tables
        for row in table.rows
    ]
    return Tables(clips=tables[0].clips if tables else (), rows=tuple(rows))


def _claim(cell: Cell, whole: SplitValue | None) -> CellClaim:
    summary, bounds = cell.summary, cell.summary.interval
    return CellClaim(
        mean=summary.mean,
        low=None if bounds is None else bounds.low,
        high=None if bounds is None else bounds.high,
        n=summary.n,
        total=summary.total,
        missing=cell.missing,
        unavailable=cell.unavailable,
        samples=None if whole is None else whole.n,
    )


def recomputed(bundle: Bundle, cards: Mapping[str, MetricCard]) -> Tables:
    """What the tables of a bundle's results say, computed here; values over whole splits as they are said."""
    whole = claimed_split_values(bundle, cards)
    rows = {row.method for row in bundle.table.rows if row.reference_row}
    sources = Sources(
        cards={**bundle.metrics, **cards},
        reference_rows=frozenset(rows),
        clips=bundle.table.clips,
        split_values=whole,
        beside=frozenset(rows),
    )
    return claims_of(build_tables(bundle.board, bundle.results, sources), whole)
