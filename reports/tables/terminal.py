"""The board in a terminal, or in what reads the command's output."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial as partial_of
from typing import TYPE_CHECKING, Literal

from reports.tables.layout import DROPPED_FIRST, Layout, Line, Printed, lay_out
from reports.tables.model import Table
from reports.tables.shown.headings import column_facts, short_heads
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

_STYLE = {"best": "bold green", "second": "underline", "": ""}
_SIGN = {"best": "*", "second": "+", "": " "}
SIGNS = "* best, + second"
PAPERS = "below ours: what papers print, and ours minus theirs"
_NAME, _SHORTEST_NAME = 24, 16
"""Characters of names: what they may take, and to what they are folded, if their words are shorter."""
_PIPE = 80


def print_tables(tables: Iterable[Table], console: Console | None = None, *, partial: bool = False) -> None:
    """All tables with their notes, fitted to the terminal's width.

    What is no terminal gets signs for best and second, and a table in one piece: 80 columns wide (or as
    `COLUMNS` says), or as wide as its figures need.
    """
    from rich.console import Console

    out = console or Console()
    pipe = console is None and not out.is_terminal and "COLUMNS" not in os.environ
    for table in tables:
        page = Page.of(table, partial, signs=not out.is_terminal or out.is_dumb_terminal)
        if pipe:
            out.width = max(_PIPE, page.least_width)
        say = partial_of(out.print, markup=False, highlight=False, soft_wrap=pipe)
        say(one_line(table.caption), style="italic")
        for columns in page.parts(out.width):
            out.print(page.grid(columns, out.width))
        for note in (*page.legend(), *table.notes):
            say(f"  · {one_line(note)}", style="dim")
        out.print()


@dataclass(frozen=True)
class Page:
    """A table as text: `signs` stand behind the best and second figures where there is no bold."""

    layout: Layout
    signs: bool

    @classmethod
    def of(cls, table: Table, partial: bool, signs: bool) -> Page:
        return cls(lay_out(table, partial=partial), signs)

    def legend(self) -> list[str]:
        """What the short headings leave out, and what the signs mean."""
        facts = [f"{short} {what}" for short, what in column_facts(self.layout.metrics)]
        cells = [c for line in self.layout.lines for c in line.cells]
        said = [SIGNS] * (self.signs and any(c.mark for c in cells))
        said += [PAPERS] * any(c.published for c in cells)
        return ["; ".join([*facts, *said])] if facts or said else []

    @property
    def heads(self) -> list[str]:
        """Every heading, short, with its arrow."""
        columns = self.layout.metrics
        shorts = (f"{s} {c.arrow}".strip() for s, c in zip(short_heads(columns), columns, strict=True))
        return ["Method", *shorts, *self.layout.facts]

    @property
    def widths(self) -> list[int]:
        """Characters that each column needs: headings may be folded between words, figures may not."""
        lines, extra = self.layout.lines, int(self.signs)
        columns = [[self._name(line) for line in lines]]
        for i in range(len(self.layout.metrics)):
            texts = [part for line in lines for part in (line.cells[i].text, *_parts(line.cells[i]))]
            columns.append([text + " " * extra for text in texts])
        columns += [[line.facts[i].text for line in lines] for i in range(len(self.layout.facts))]
        return [
            max(len(part) for part in (*head.split(), *texts))
            for head, texts in zip(self.heads, columns, strict=True)
        ]

    @property
    def gap(self) -> int:
        """What stands between columns; signs, or the blanks in their place, leave room enough."""
        return 1 if self.signs else 2

    @property
    def shortest_name(self) -> int:
        """To how many characters names are folded: no word of usual length is broken."""
        words = [word for line in self.layout.lines for word in self._name(line).split()]
        return min(_SHORTEST_NAME, max(map(len, words), default=0))

    @property
    def least_width(self) -> int:
        """Characters of a table with all metrics, no facts and folded names."""
        return self.shortest_name + sum(self.gap + n for n in self.widths[1 : 1 + len(self.layout.metrics)])

    def parts(self, width: int) -> list[list[int]]:
        """Which columns stand beside the names, in as many tables as the width asks for.

        Facts that do not fit are left out; names are folded; only then metrics go on in a further table.
        """
        needs = [self.gap + n for n in self.widths]
        first = 1 + len(self.layout.metrics)
        metrics = sum(needs[1:first])
        short = self.shortest_name
        long = min(self.widths[0], _NAME)
        room = width - (short if metrics <= width - short else long)
        found: list[list[int]] = [[]]
        for i in range(1, first):
            if found[-1] and sum(needs[j] for j in found[-1]) + needs[i] > room:
                found.append([])
            found[-1].append(i)
        room = width - long
        kept = list(range(len(self.layout.facts)))
        for name in (*DROPPED_FIRST, *self.layout.facts):
            if sum(needs[i] for i in found[-1]) + sum(needs[first + i] for i in kept) <= room:
                break
            kept = [i for i in kept if self.layout.facts[i] != name]
        found[-1] += [first + i for i in kept]
        return found

    def grid(self, columns: list[int], width: int) -> RichTable:
        """One part of the table."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        grid = RichTable(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, self.gap - 1, 0, 0)
        )
        needs = self.widths
        needs[0] = max(8, min(needs[0], width - sum(needs[i] + self.gap for i in columns)))
        for i in (0, *columns):
            side: Literal["left", "right"] = "right" if i else "left"
            grid.add_column(Text(self.heads[i]), justify=side, overflow="fold", width=needs[i])
        kind = "method"
        for line in self.layout.lines:
            if line.kind != kind:
                kind = line.kind
                grid.add_section()
            cells = [self._text(c) for c in line.cells] + [Text(one_line(f.text)) for f in line.facts]
            style = "bold" if line.highlighted else "" if kind == "method" else "dim"
            grid.add_row(Text(self._name(line)), *(cells[i - 1] for i in columns), style=style)
        return grid

    def _name(self, line: Line) -> str:
        return f"> {line.full_name}" if line.highlighted and self.signs else line.full_name

    def _text(self, cell: Printed) -> Text:
        from rich.text import Text

        text = Text(cell.text, style=_STYLE[cell.mark])
        if self.signs:
            text.append(_SIGN[cell.mark])
        for part in _parts(cell):
            text.append(f"\n{part}{' ' * self.signs}", style="dim")
        return text


def _parts(cell: Printed) -> list[str]:
    """What papers print, and ours minus that: below the figure."""
    return cell.published.split(", ") if cell.published else []
