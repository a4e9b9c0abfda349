"""Cells as LaTeX, with the points that they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.tables.latex.escape import tex, tex_heading
from reports.tables.latex.width import BOLD, SCRIPT, heading_width, width_of
from reports.tables.layout import Line, Printed
from reports.tables.model import Column
from reports.tables.shown.headings import short_heads


@dataclass(frozen=True)
class Piece:
    """A cell: what stands in it, and how wide that is."""

    latex: str
    width: float


def text(words: str) -> Piece:
    """Plain text."""
    return Piece(tex(words), width_of(words))


def heads(columns: Sequence[Column]) -> list[Piece]:
    """Short headings with arrows."""
    found = []
    for name, column in zip(short_heads(columns), columns, strict=True):
        arrow = f" {column.arrow}" if column.arrow else ""
        found.append(Piece(tex_heading(name) + tex(arrow), heading_width(name) + width_of(arrow)))
    return found


def cell(printed: Printed, intervals: bool = False) -> Piece:
    """A figure, marked; what papers print, and the interval, small behind it."""
    latex = tex(printed.text)
    latex = {"best": rf"\textbf{{{latex}}}", "second": rf"\underline{{{latex}}}"}.get(printed.mark, latex)
    width = width_of(printed.text) * (BOLD if printed.mark == "best" else 1.0)
    extra = [printed.interval] if intervals and printed.interval else []
    extra += [printed.published] if printed.published else []
    for words in extra:
        latex += rf" {{\scriptsize ({tex(words)})}}"
        width += width_of(" ") + SCRIPT * width_of(f"({words})")
    return Piece(latex, width)


def name(line: Line) -> Piece:
    """A row's name: of papers' rows in italics, of highlighted ones in bold."""
    latex = tex(line.full_name)
    if line.kind == "published":
        latex = rf"\textit{{{latex}}}"
    if line.highlighted:
        return Piece(rf"\textbf{{{latex}}}", BOLD * width_of(line.full_name))
    return Piece(latex, width_of(line.full_name))


def row(line: Line, intervals: bool = False) -> list[Piece]:
    """A whole row: name, figures, facts."""
    return [name(line), *(cell(c, intervals) for c in line.cells), *(text(f.text) for f in line.facts)]


def joined(pieces: Sequence[Piece]) -> str:
    """A line of a table."""
    return " & ".join(piece.latex for piece in pieces) + r" \\"


def widths(rows: Sequence[Sequence[Piece]]) -> list[float]:
    """The width of each column."""
    return [max(piece.width for piece in column) for column in zip(*rows, strict=True)]
