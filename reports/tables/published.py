"""Figures that papers print, transcribed into `reports/published/*.csv`, to stand beside our own.

Columns: paper, table, dataset, split, method (our id where we have the method), label (as printed),
metric, value, where (in which text, and how it was read).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

from reports.tables.model import Papers, PublishedRow
from vfsrbench.board import PublishedUse
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.safety.paths import expanded, is_path
from vfsrbench.io.safety.text import read_text

FOLDER = Path(__file__).parents[1] / "published"
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
class PrintedTable:
    """The figures of one printed table. `aliases` maps our metric ids to the names used in the file, `splits`
    a board's splits to its splits."""

    figures: tuple[Figure, ...]
    source: str
    aliases: Mapping[str, str] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)

    def of(self, split: str, metric: str) -> list[Figure]:
        """All figures of a metric on a split, in the paper's order."""
        wanted = self.splits.get(split, split), self.aliases.get(metric, metric)
        return [f for f in self.figures if (f.split, f.metric) == wanted]


@dataclass(frozen=True)
class Published:
    """The figures of all tables that stand beside a board's."""

    tables: tuple[PrintedTable, ...]

    @property
    def source(self) -> str:
        """Where the figures are from, in a line."""
        return "; ".join(dict.fromkeys(table.source for table in self.tables))

    @property
    def metrics(self) -> set[str]:
        """The ids of metrics that any table has, ours and the papers'."""
        return {name for t in self.tables for name in (*t.aliases, *(f.metric for f in t.figures))}

    def only(self, wanted: Callable[[str], bool]) -> Published:
        """The figures of some methods; their names without options are asked for."""
        chosen = (
            replace(t, figures=tuple(f for f in t.figures if wanted(f.method.partition("[")[0])))
            for t in self.tables
        )
        return Published(tuple(chosen))

    def find(self, split: str, method: str, metric: str) -> Papers | None:
        """What the papers print for that cell, None if none has it."""
        found = [f for table in self.tables for f in table.of(split, metric) if f.method == method]
        return Papers(tuple(dict.fromkeys((f.paper, f.value) for f in found))) if found else None

    def rows(self, split: str, metrics: Sequence[str]) -> list[PublishedRow]:
        """All the papers' rows for a split, in their order."""
        labels: dict[str, str] = {}
        for table in self.tables:
            for figure in table.figures:
                if figure.split == table.splits.get(split, split):
                    labels.setdefault(figure.method, figure.label)
        found = []
        for method, label in labels.items():
            values = {m: self.find(split, method, m) for m in metrics}
            known = {m: v for m, v in values.items() if v is not None}
            if known:
                found.append(PublishedRow(method, label, known))
        return found


def read(path: Path) -> list[Figure]:
    """All figures of a file. InputError names the line that is wrong."""
    if not path.exists():
        known = sorted(p.name for p in FOLDER.glob("*.csv"))
        raise did_you_mean("file of published figures", path.name, known)
    reader = csv.DictReader(StringIO(read_text(path, "file of published figures"), newline=""))
    try:
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise InputError(f"{path}: the columns must be {', '.join(FIELDS)}")
        return [_figure(path, number, row) for number, row in enumerate(reader, start=2)]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None


def _figure(path: Path, number: int, row: dict[str, str]) -> Figure:
    try:
        value = float(row["value"])
        if not math.isfinite(value):
            raise ValueError("not finite")
        return Figure(**{**row, "value": value})  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{path}, line {number}: {row.get('value')!r} is not a number") from None


def figures_of(uses: Sequence[PublishedUse]) -> Published | None:
    """The figures that a board names, None if it names none. InputError for an unknown file, table or data
    set."""
    return Published(tuple(map(_table, uses))) if uses else None


def _table(use: PublishedUse) -> PrintedTable:
    path = expanded(use.file) if is_path(use.file) else FOLDER / use.file
    figures = read(path)
    for key, wanted in (("table", use.table), ("dataset", use.dataset)):
        if wanted is not None:
            known = {getattr(f, key) for f in figures}
            figures = [f for f in figures if getattr(f, key) == wanted]
            if not figures:
                raise did_you_mean(f"{key} of {use.file}", wanted, known)
    papers = ", ".join(dict.fromkeys(f.paper for f in figures))
    source = ", ".join(part for part in (papers, use.table, use.dataset) if part)
    return PrintedTable(tuple(figures), source, use.metrics, use.splits)
