"""Clips won, method against method: a matrix a metric, as a file and as a part of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.inputs.results import Grid
from reports.tables.model import Column, Row, Table, Wins
from reports.tables.rounding import fixed
from reports.tables.spreadsheet import csv_text
from vfsrbench.results import stats


def win_tables(grid: Grid, columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Wins, ...]:
    """One matrix for each metric with a direction that any two of the methods have, methods in the order of
    the rows."""
    rivals = [r for r in rows if not r.is_reference]
    found = []
    for column in columns:
        series = {r.method: grid.clip_values(r.method, column.id) for r in rivals}
        if column.direction == "none" or len(rivals) < 2:
            continue
        rates = stats.win_matrix(series, column.direction)
        if all(math.isnan(rate) for rate in rates.values()):
            continue
        matrix = tuple(tuple(rates.get((a, b), math.nan) for b in series) for a in series)
        found.append(Wins(column, tuple(series), tuple(r.title for r in rivals), matrix))
    return tuple(found)


def wins_csv(tables: Sequence[Table]) -> str:
    """One line a (split, metric, method, against): the part of the clips won."""
    rows: list[list[object]] = [["split", "metric", "method", "against", "wins"]]
    for table in tables:
        for wins in table.wins:
            for method, rates in zip(wins.methods, wins.rates, strict=True):
                for against, rate in zip(wins.methods, rates, strict=True):
                    if method != against:
                        value = "" if math.isnan(rate) else f"{rate:.6g}"
                        rows.append([table.split, wins.column.id, method, against, value])
    return csv_text(rows)


def wins_lines(wins: Wins) -> list[tuple[str, list[str]]]:
    """(title, percentages as printed) a method: its clips won against each, and against all in the mean."""
    lines = []
    for title, rates in zip(wins.titles, wins.rates, strict=True):
        known = [r for r in rates if not math.isnan(r)]
        mean = sum(known) / len(known) if known else math.nan
        lines.append((title, [_percent(r) for r in (*rates, mean)]))
    return lines


def _percent(rate: float) -> str:
    return "" if math.isnan(rate) else fixed(100 * rate, 0)
