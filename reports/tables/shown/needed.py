"""What a comparison says of its size: how many clips would tell methods apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reports.inputs.results import Grid
from reports.tables.model import Column, Row, Table
from vfsrbench.io.foreign_text import one_line
from vfsrbench.results.power.clips_needed import clips_needed

HEAD = "clips that a paired t-test (5 %, power 80 %) needs at the seen spread"


def needed_notes(table: Table, grid: Grid) -> list[str]:
    """A sentence a metric: how many clips it takes to tell each method from the one that others are compared
    with; without one, the best from the second.

    Args:
        table: The comparison.
        grid: Its results.
    """
    return [
        f"{column.title}: {HEAD}: {said}." for column in table.columns if (said := _said(table, grid, column))
    ]


def _said(table: Table, grid: Grid, column: Column) -> str:
    if column.direction == "none":
        return ""
    return ", ".join(_pair(grid, column, one, other) for one, other in _pairs(table, column))


def _pairs(table: Table, column: Column) -> Iterator[tuple[Row, Row]]:
    rows = [row for row in table.rows if not row.is_reference and _has_clips(row, column)]
    base = next((row for row in rows if row.method == table.versus), None)
    if base is not None:
        yield from ((base, row) for row in rows if row is not base)
    elif table.versus is None and len(rows) > 1:
        sign = -1 if column.direction == "higher" else 1
        best = sorted(rows, key=lambda row: sign * row.cells[column.id].summary.known_mean)
        yield best[0], best[1]


def _has_clips(row: Row, column: Column) -> bool:
    summary = row.cells[column.id].summary
    return summary.n > 1 and not np.isnan(summary.known_mean)


def _pair(grid: Grid, column: Column, one: Row, other: Row) -> str:
    values = [grid.clip_values(row.method, column.id) for row in (one, other)]
    here = int((np.isfinite(values[0]) & np.isfinite(values[1])).sum())
    needed = clips_needed(values[0], values[1])
    number = "no number is enough" if needed is None else str(needed)
    return f"{one_line(one.title)} and {one_line(other.title)} {number} ({here} here)"
