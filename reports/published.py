"""Figures that papers print, transcribed into `reports/published/*.csv`, to stand beside our own.

Columns: paper, table, dataset, split, method (our id where we have the method), label (as printed),
metric (our id), value, where (in which text, and how it was read).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports.model import PublishedRow
from vfsrbench.errors import InputError, did_you_mean

FOLDER = Path(__file__).parent / "published"
FIELDS = ("paper", "table", "dataset", "split", "method", "label", "metric", "value", "where")


@dataclass(frozen=True)
class Figure:
    """One printed number."""

    paper: str
    table: str
    dataset: str
    split: str
    method: str
    label: str
    metric: str
    value: float
    where: str


@dataclass(frozen=True)
class Published:
    """The figures of one table. `aliases` maps our metric ids to the names used in the file."""

    figures: tuple[Figure, ...]
    source: str
    aliases: Mapping[str, str] = field(default_factory=dict)

    def find(self, split: str, method: str, metric: str) -> float | None:
        """The figure of that cell, None if the paper has none."""
        name = self.aliases.get(metric, metric)
        wanted = (split, method, name)
        return next((f.value for f in self.figures if (f.split, f.method, f.metric) == wanted), None)

    def rows(self, split: str, metrics: Sequence[str]) -> list[PublishedRow]:
        """All the paper's rows for a split, in its order."""
        methods = dict.fromkeys(f.method for f in self.figures if f.split == split)
        found = []
        for method in methods:
            values = {m: self.find(split, method, m) for m in metrics}
            known = {m: v for m, v in values.items() if v is not None}
            if known:
                found.append(PublishedRow(method, known))
        return found


def read(path: Path) -> list[Figure]:
    """All figures of a file. InputError names the line that is wrong."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            if tuple(reader.fieldnames or ()) != FIELDS:
                raise InputError(f"{path}: the columns must be {', '.join(FIELDS)}")
            return [_figure(path, number, row) for number, row in enumerate(reader, start=2)]
    except FileNotFoundError:
        known = sorted(p.name for p in FOLDER.glob("*.csv"))
        raise did_you_mean("file of published figures", path.name, known) from None


def _figure(path: Path, number: int, row: dict[str, str]) -> Figure:
    try:
        return Figure(**{**row, "value": float(row["value"])})  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{path}, line {number}: {row.get('value')!r} is not a number") from None


def table_of(file: str, table: str | None, aliases: Mapping[str, str] | None = None) -> Published:
    """The figures of `table` in `reports/published/FILE` (or in a file of that path)."""
    path = Path(file) if Path(file).is_file() else FOLDER / file
    figures = [f for f in read(path) if table is None or f.table == table]
    if not figures:
        known = sorted({f.table for f in read(path)})
        raise did_you_mean(f"table of {file}", str(table), known)
    papers = ", ".join(dict.fromkeys(f.paper for f in figures))
    source = f"{papers}, {table}" if table else papers
    return Published(tuple(figures), source, dict(aliases or {}))
