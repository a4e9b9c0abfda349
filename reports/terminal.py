"""The board in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reports.layout import Layout, Printed, lay_out
from reports.model import Table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

_STYLE = {"best": "bold green", "second": "underline", "": ""}
_FACTS_AT = 110
"""Terminals narrower than this get the metrics only."""


def print_tables(tables: Iterable[Table], console: Console | None = None, *, partial: bool = False) -> None:
    """All tables with their notes, fitted to the terminal's width."""
    from rich.console import Console

    out = console or Console()
    for table in tables:
        layout = lay_out(table, partial=partial)
        out.print(_rich(table, layout, wide=out.width >= _FACTS_AT))
        for note in table.notes:
            out.print(f"  · {note}", style="dim", markup=False, highlight=False)
        out.print()


def _rich(table: Table, layout: Layout, wide: bool) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(title=Text(table.caption), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    facts = layout.facts if wide else ()
    for i, head in enumerate([*layout.heads[: 1 + len(layout.metrics)], *facts]):
        grid.add_column(Text(head), justify="left" if i == 0 else "right", overflow="fold")
    kind = "method"
    for line in layout.lines:
        if line.kind != kind:
            kind = line.kind
            grid.add_section()
        cells = [_text(c) for c in line.cells] + [Text(f) for f in line.facts[: len(facts)]]
        grid.add_row(Text(line.name), *cells, style="" if kind == "method" else "dim")
    return grid


def _text(cell: Printed) -> Text:
    from rich.text import Text

    text = Text(cell.text, style=_STYLE[cell.mark])
    if cell.published:
        text.append(f" ({cell.published})", style="dim")
    return text
