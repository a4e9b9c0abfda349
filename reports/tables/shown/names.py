"""What rows are called, and the order in which a board has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.card import MethodCard
from vfsrbench.errors import InputError
from vfsrbench.io.foreign_text import one_line
from vfsrbench.method_spec import choose_method
from vfsrbench.results.schema import JobRecord


def method_titles(records: Iterable[JobRecord]) -> dict[str, str]:
    """A title for each method: its card's, the options that differ, and its id where two would be alike."""
    titles = {}
    for record in records:
        name, bracket, options = record.method.partition("[")
        title = one_line(record.method_title or name)
        if bracket and not title.endswith("]"):
            title = f"{title} [{options}"
        titles[record.method] = title
    often = Counter(titles.values())
    return {m: t if often[t] == 1 else f"{t} ({m})" for m, t in titles.items()}


def method_order(board: Board, found: Iterable[str]) -> list[str]:
    """Methods that have results: the board's first, in its order, then the others by name, and reference
    rows that stand beside metrics."""
    known, installed = set(found), plugins.methods()
    named = dict.fromkeys(canonical_method(spec, installed) for spec in board.methods)
    first = [m for m in named if m in known]
    rows = {name: entry.card.stands_for or "" for name, entry in installed.entries.items()}
    return first + sorted(known - set(first), key=lambda method: (rows.get(method, ""), method))


def canonical_method(spec: str, installed: plugins.Registry[MethodCard]) -> str:
    """The id under which results of `name[option=value]` are stored; unknown methods go by their text."""
    try:
        return choose_method(spec, installed).id
    except InputError:
        return spec
