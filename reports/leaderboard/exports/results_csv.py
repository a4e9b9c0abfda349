"""Rows as a CSV of results: task, data set, model, paper, code, day, then a column a metric.

The columns are the fields of evaluation results on Papers with Code (`methodology`, `paper`, `evaluated_on`,
`uses_additional_data`, metrics by name) under the headings of its tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reports.leaderboard.config import Config
from reports.leaderboard.entries import Entry
from reports.leaderboard.tables import columns_of
from reports.tables.spreadsheet import csv_text

HEADS = (
    "Task", "Dataset", "Model", "Uses additional data", "Paper title", "Code URL", "Evaluated on",
    "External source URL", "External ID",
)  # fmt: skip


def results_csv(config: Config, entries: Sequence[Entry]) -> str:
    """A row a laboratory's row on a split; metrics that it has no value of are empty."""
    titles: dict[str, str] = {}
    for rules in config.boards.values():
        titles |= {column.id: column.title for column in columns_of(rules)}
    shown = [m for m in titles if any(m in e.cells and e.cells[m].mean is not None for e in entries if e.lab)]
    heads = [titles[m] if list(titles.values()).count(titles[m]) == 1 else m for m in shown]
    rows: list[list[object]] = []
    for entry in entries:
        if not entry.lab:
            continue
        rules, facts = config.boards[entry.board], entry.facts
        rows.append(
            [
                rules.task,
                f"{rules.title} ({entry.split})",
                f"{entry.title} ({entry.lab})",
                "no" if entry.division == "official" else "unknown",
                facts.paper,
                facts.url,
                entry.finished,
                config.settings.url,
                f"{entry.lab}/{entry.board}/{entry.split}/{entry.method}",
                *(_value(entry, metric) for metric in shown),
            ]
        )
    return csv_text([[*HEADS, *heads], *rows])


def _value(entry: Entry, metric: str) -> object:
    cell = entry.cells.get(metric)
    return "" if cell is None or cell.mean is None or not math.isfinite(cell.mean) else cell.mean
