"""What tables show, and how, from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from vfsrbench.board import Board

_COMMA = re.compile(r",(?![^\[]*\])")
LIST = "A,B,..."
Bundles = Annotated[
    list[Path] | None,
    typer.Option(
        "--bundle", metavar="FILE", help="rows of others, as `vfsrbench bundle` writes (repeatable)"
    ),
]


@dataclass(frozen=True)
class TableOptions:
    """The keys of a board's `[table]`, which these options take the place of."""

    columns: Annotated[
        list[str] | None,
        typer.Option(metavar=LIST, help="these metrics, in this order; a family's name stands for all of it"),
    ] = None
    methods: Annotated[
        list[str] | None, typer.Option(metavar=LIST, help="these methods' rows, in this order")
    ] = None
    splits: Annotated[
        list[str] | None, typer.Option(metavar=LIST, help="these splits' tables, in this order")
    ] = None
    digits: Annotated[
        list[str] | None, typer.Option(metavar="N,METRIC=N,...", help="decimals, of all metrics or of one")
    ] = None
    facts: Annotated[
        bool | None,
        typer.Option("--facts/--no-facts", help="rank, size, speed, memory, licence and number of clips"),
    ] = None
    caption: Annotated[str | None, typer.Option(help="instead of the board's title and split")] = None
    label: Annotated[str | None, typer.Option(help="of the LaTeX table")] = None
    highlight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD", help="what stands out (repeatable; default: methods of your own; none: nothing)"
        ),
    ] = None
    order: Annotated[
        str | None, typer.Option(help="what orders the rows: a metric (best first), name, or board")
    ] = None

    def of(self, board: Board) -> Board:
        """The board with what was given. InputError for a value that is not allowed."""
        changes: dict[str, Any] = {
            "columns": listed(self.columns),
            "methods": listed(self.methods),
            "splits": listed(self.splits),
            "digits": None if self.digits is None else _digits(listed(self.digits) or ()),
            "facts": self.facts,
            "caption": self.caption,
            "label": self.label,
            "highlight": listed(self.highlight),
            "order": self.order,
        }
        changes = {name: value for name, value in changes.items() if value is not None}
        return board.replace(table=board.table.replace(**changes)) if changes else board


def listed(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names that are given one by one, with commas between them, or both; commas inside brackets are a
    name's."""
    if texts is None:
        return None
    return tuple(part.strip() for text in texts for part in _COMMA.split(text) if part.strip())


def _digits(texts: Sequence[str]) -> int | dict[str, int]:
    """`2`, or `psnr=2` for each metric."""
    named: dict[str, int] = {}
    for text in texts:
        metric, equals, number = text.rpartition("=")
        if not number.isdecimal() or (not equals and len(texts) > 1):
            raise InputError(f"--digits {text!r} must be a number, or METRIC=NUMBER for each metric")
        if not equals:
            return int(number)
        named[metric] = int(number)
    return named
