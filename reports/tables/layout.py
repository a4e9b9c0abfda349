"""A table as printed text: headings, cells, marks. Markdown, LaTeX, HTML and the terminal dress it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from reports.tables.model import Cell, Column, Mark, Papers, Row, Table
from reports.tables.rounding import fixed, significant
from vfsrbench.errors import counted
from vfsrbench.io.foreign_text import one_line
from vfsrbench.results.stats import Comparison


@dataclass(frozen=True)
class Printed:
    """One cell. `published` is the paper's figure and our difference from it, `interval` the 95 % one;
    `order` is what a sorted table goes by, None last."""

    text: str
    order: float | None = None
    mark: Mark = ""
    interval: str = ""
    published: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Line:
    """One row: `kind` distinguishes measured methods, reference rows and what only the paper has. `badge`
    says how far a bundle's row was checked here."""

    name: str
    method: str
    cells: tuple[Printed, ...]
    facts: tuple[Printed, ...]
    kind: str = "method"
    highlighted: bool = False
    badge: str = ""

    @property
    def full_name(self) -> str:
        """The name with its badge, for forms of plain text."""
        return f"{self.name} [{self.badge}]" if self.badge else self.name


@dataclass(frozen=True)
class Layout:
    """All lines under their headings; `facts` head the columns behind the metrics."""

    metrics: tuple[Column, ...]
    facts: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def heads(self) -> list[str]:
        """Every heading, with arrows and units."""
        return ["Method", *(heading(c) for c in self.metrics), *self.facts]

    def without(self, fact: str) -> Layout:
        """The same without a column of facts."""
        at = self.facts.index(fact)
        lines = (replace(line, facts=(*line.facts[:at], *line.facts[at + 1 :])) for line in self.lines)
        return replace(self, facts=(*self.facts[:at], *self.facts[at + 1 :]), lines=tuple(lines))


def heading(column: Column) -> str:
    """`PSNR ↑ (dB)`."""
    parts = (column.title, column.arrow, f"({column.unit})" if column.unit else "")
    return " ".join(p for p in parts if p)


def number(value: float | None, digits: int, sign: bool = False) -> str:
    """A figure as printed; infinity as the sign, nothing as a dash."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return fixed(value, digits, sign).replace("-", "−")


def print_cell(cell: Cell, column: Column, partial: bool) -> Printed:
    """A mean over an incomplete row is printed as `n of N`, unless `partial` asks for what is there."""
    s = cell.summary
    published = ""
    if cell.published is not None:
        published = print_papers(cell.published, column.digits)
        if cell.gap is not None:
            published += f", {number(cell.gap, column.digits, sign=True)}"
    if not cell.asked:
        return Printed("–")
    if s.mean is None:
        text, order = f"{s.n} of {s.total}", None
        if s.n == 0 and cell.unavailable:
            text = "n/a"
        elif partial and s.n:
            text, order = f"{number(s.known_mean, column.digits)} ({text})", s.known_mean
        return Printed(
            text, order, published=published, hint=_joined(cell.unavailable, _sources(cell.published))
        )
    interval = ""
    if s.interval is not None:
        low, high = (number(v, column.digits) for v in (s.interval.low, s.interval.high))
        interval = f"{low} – {high}" if low != high else ""
    return Printed(number(s.mean, column.digits), s.mean, cell.mark, interval, published, _hint(cell))


def print_papers(papers: Papers, digits: int) -> str:
    """A paper's figure, or the lowest and the highest of several."""
    if papers.agree:
        return number(papers.low, digits)
    return f"{number(papers.low, digits)} – {number(papers.high, digits)}"


def _sources(papers: Papers | None) -> str:
    """Which paper prints what, where they do not agree."""
    if papers is None or papers.agree:
        return ""
    return "; ".join(f"{paper}: {value:g}" for paper, value in papers.figures)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _hint(cell: Cell) -> str:
    """The tooltip of the cell."""
    parts = []
    if cell.rank is not None:
        parts.append(f"rank {cell.rank}")
    if cell.versus is not None:
        parts.append(_tests(cell.versus))
    if cell.missing:
        parts.append(f"{counted(cell.missing, 'frame')} without a value")
    return _joined(*parts, _sources(cell.published))


def _tests(versus: Comparison) -> str:
    """The tests against the method that others are compared with."""
    t = f"t {_short(versus.t)} (p {_short(versus.t_p, 2)})"
    if math.isinf(versus.t):
        t = "the same difference on all clips"
    won = 100 * (1 - versus.wins)
    return f"{t}, Wilcoxon-Holm p {_short(versus.holm_p, 2)}, wins {number(won, 0)}%"


def _short(value: float, digits: int = 3) -> str:
    """A figure with so many significant digits, a power of ten where it is tiny."""
    if math.isnan(value):
        return "–"
    return f"{value:.{digits}g}" if 0 < abs(value) < 1e-4 else significant(value, digits)


def lay_out(table: Table, *, partial: bool = False) -> Layout:
    """The table's lines: methods, then reference rows, then what only the paper has."""
    facts = _facts(table)
    lines = [
        Line(
            name=_name(row),
            method=row.method,
            cells=tuple(print_cell(row.cells[c.id], c, partial) for c in table.columns),
            facts=tuple(show(row) for _, show in facts),
            kind="reference" if row.is_reference else "method",
            highlighted=row.highlighted,
            badge=row.verdict,
        )
        for row in table.rows
    ]
    for paper_row in table.published:
        values = [(paper_row.values.get(c.id), c.digits) for c in table.columns]
        cells = tuple(
            Printed("–")
            if papers is None
            else Printed(print_papers(papers, digits), papers.low, hint=_sources(papers))
            for papers, digits in values
        )
        lines.append(
            Line(paper_row.label, paper_row.method, cells, (Printed("–"),) * len(facts), "published")
        )
    return Layout(table.columns, tuple(name for name, _ in facts), tuple(lines))


Show = Callable[[Row], Printed]
DROPPED_FIRST = ("Memory", "Licence", "Parameters", "Profile", "Frames/s", "Clips")
"""Facts that a narrow table goes without, the least missed first; the rank stays longest."""


def _facts(table: Table) -> list[tuple[str, Show]]:
    """The columns behind the metrics: rank, size, speed, memory, licence, completeness; without those that
    say nothing of any method."""
    facts: list[tuple[str, Show]] = []
    if not table.facts:
        return facts
    ranked = ranked_column(table)
    if ranked is not None:
        facts.append((f"Rank by {ranked.title}", lambda row: _rank(row, ranked)))
    facts += [
        ("Parameters", lambda row: _known(row.parameters, count)),
        ("Frames/s", lambda row: _known(row.speed, significant)),
        ("Memory", lambda row: _known(row.memory, size)),
        ("Licence", lambda row: Printed(row.licence or "–")),
        ("Clips", lambda row: Printed(f"{row.done} of {row.total}", row.done)),
    ]
    if " and " in table.profile:
        facts.append(("Profile", lambda row: Printed(row.profile)))
    return [(name, show) for name, show in facts if any(show(row).text != "–" for row in table.rows)]


Number = TypeVar("Number", int, float)


def _known(value: Number | None, show: Callable[[Number], str]) -> Printed:
    return Printed("–") if value is None else Printed(show(value), value)


def ranked_column(table: Table) -> Column | None:
    """The metric by which places are given: the first that compares with the truth and has any place."""
    columns = (c for c in table.columns if not c.gameable)
    return next((c for c in columns if any(r.cells[c.id].rank for r in table.rows)), None)


def _rank(row: Row, by: Column) -> Printed:
    rank = row.cells[by.id].rank
    return Printed("–") if rank is None else Printed(str(rank), rank.best + rank.worst / 1000)


def _name(row: Row) -> str:
    """The title with what a reader must not miss, in every form of the table."""
    doubts = ["imported outputs"] * row.imported + ["not canonical"] * (not row.canonical)
    doubts += ["wrong range?"] * row.wrong_range
    doubts += ["smaller windows"] * row.smaller_windows
    doubts += ["ground truth cropped"] if row.cropped else []
    doubts += [row.off] if row.off else []
    return one_line(row.title) + (f" ({', '.join(doubts)})" if doubts else "")


def count(parameters: int) -> str:
    """A number of parameters as 5.33 M."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if parameters >= factor:
            return f"{significant(parameters / factor)}{unit}"
    return str(parameters)


def size(number_of_bytes: int) -> str:
    """Bytes as MiB or GiB."""
    mib = number_of_bytes / 2**20
    return f"{significant(mib / 1024)} GiB" if mib >= 1024 else f"{significant(mib)} MiB"
