"""How the boards that results come from make their tables, as the workspaces of their runs note it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from vfsrbench.io.names import slug
from vfsrbench.plugins import board_files, find_board
from vfsrbench.results.board_note import TableRules, table_rules


def noted_rules(places: Iterable[Path], splits: Collection[str]) -> TableRules | None:
    """The rules of the boards that have any of the splits, together; None where there is no such board.

    Boards that differ in `average` are averaged over clips; of several that are sorted the first
    counts.

    Args:
        places: Workspaces, folders of results, or results files.
        splits: Those of the results.
    """
    found: list[TableRules] = []
    for root in dict.fromkeys(root for place in places for root in _workspaces(place)):
        for note in sorted((root / "boards").glob("*.json")):
            rules = table_rules(note) or _shipped(note.stem)
            if rules is not None and not set(rules.splits).isdisjoint(splits):
                found.append(rules)
    if not found:
        return None
    metrics = tuple(dict.fromkeys(m for r in found for m in r.metrics))
    methods = tuple(dict.fromkeys(m for r in found for m in r.methods))
    every = tuple(dict.fromkeys(s for r in found for s in r.splits))
    sorted_by = [r.sort_by for r in found if r.sort_by is not None]
    average = found[0].average if len({r.average for r in found}) == 1 else "clips"
    return TableRules(every, methods, metrics, next(iter(sorted_by), None), average)


def _workspaces(place: Path) -> list[Path]:
    return [folder for folder in (place, *place.absolute().parents[:4]) if (folder / "boards").is_dir()][:1]


def _shipped(note: str) -> TableRules | None:
    """An installed board's, for notes that do not hold them."""
    name = next((name for name in board_files() if slug(name) == note), None)
    return None if name is None else TableRules.of(find_board(name))
