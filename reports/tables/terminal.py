"""The board in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from reports.tables.layout import Layout, Printed, lay_out
from reports.tables.model import Table
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

_STYLE = {"best": "bold green", "second": "underline", "": ""}
_GAP = 3  # what the box puts between columns
_NAME = 24
_DROPPED_FIRST = ("Memory", "Licence", "Parameters", "Profile", "Frames/s", "Clips")
"""Columns that a narrow terminal goes without, the least missed first; the rank stays longest."""


def print_tables(tables: Iterable[Table], console: Console | None = None, *, partial: bool = False) -> None:
    """All tables with their notes, fitted to the terminal's width."""
    from rich.console import Console

    out = console or Console()
    for table in tables:
        layout = lay_out(table, partial=partial)
        for number, columns in enumerate(parts(layout, out.width)):
            out.print(_rich("" if number else table.caption, layout, columns, out.width))
        for note in table.notes:
            out.print(f"  · {one_line(note)}", style="dim", markup=False, highlight=False)
        out.print()


def widths(layout: Layout) -> list[int]:
    """Characters that each column needs: headings may be folded between words, figures may not."""
    columns = [[line.name for line in layout.lines]]
    columns += [[line.cells[i].text for line in layout.lines] for i in range(len(layout.metrics))]
    columns += [[line.facts[i].text for line in layout.lines] for i in range(len(layout.facts))]
    return [
        max(len(part) for part in (*head.split(), *texts))
        for head, texts in zip(layout.heads, columns, strict=True)
    ]


def parts(layout: Layout, width: int) -> list[list[int]]:
    """Which columns stand beside the names, in as many tables as the terminal's width asks for.

    Metrics go on in a further table when they do not fit; facts that do not fit are left out.
    """
    needs = [_GAP + n for n in widths(layout)]
    room = width - min(needs[0], _GAP + _NAME)
    found: list[list[int]] = [[]]
    first = 1 + len(layout.metrics)
    for i in range(1, first):
        if found[-1] and sum(needs[j] for j in found[-1]) + needs[i] > room:
            found.append([])
        found[-1].append(i)
    kept = list(range(len(layout.facts)))
    for name in (*_DROPPED_FIRST, *layout.facts):
        if sum(needs[i] for i in found[-1]) + sum(needs[first + i] for i in kept) <= room:
            break
        kept = [i for i in kept if layout.facts[i] != name]
    found[-1] += [first + i for i in kept]
    return found


def _rich(caption: str, layout: Layout, columns: list[int], width: int) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(one_line(caption)) if caption else None
    grid = RichTable(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    needs = widths(layout)
    needs[0] = max(8, min(needs[0], width - sum(needs[i] + _GAP for i in columns) - _GAP))
    for i in (0, *columns):
        side: Literal["left", "right"] = "right" if i else "left"
        grid.add_column(Text(layout.heads[i]), justify=side, overflow="fold", width=needs[i])
    kind = "method"
    for line in layout.lines:
        if line.kind != kind:
            kind = line.kind
            grid.add_section()
        cells = [_text(c) for c in line.cells] + [Text(one_line(fact.text)) for fact in line.facts]
        style = "" if kind == "method" else "dim"
        grid.add_row(Text(line.name), *(cells[i - 1] for i in columns), style=style)
    return grid


def _text(cell: Printed) -> Text:
    from rich.text import Text

    text = Text(cell.text, style=_STYLE[cell.mark])
    if cell.published:
        text.append(f" ({cell.published})", style="dim")
    return text
