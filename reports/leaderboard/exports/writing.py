"""Writes an export; nothing that is there is written over unless that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from reports.leaderboard.config import Config, read_config
from reports.leaderboard.entries import Entry
from reports.leaderboard.exports.hub import hub_files
from reports.leaderboard.exports.results_csv import results_csv
from reports.leaderboard.standing import standing
from reports.leaderboard.tables import tables_of
from reports.leaderboard.tree import FolderTree
from reports.tables.latex.table import to_latex_splits
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.atomic import atomic_file

Form = Literal["hf", "csv", "latex"]


def write_export(
    root: Path, form: Form, out: Path, boards: Sequence[str], replace: bool, progress: Callable[[str], None]
) -> list[Path]:
    """Write the rows of a leaderboard, and say which files were written.

    Raises:
        InputError: A board is not known or lacks what the form needs, there are no rows, or a file is there.
    """
    tree = FolderTree(root)
    config = read_config(tree)
    for name in boards:
        if name not in config.boards:
            raise did_you_mean("board", name, config.boards)
    chosen = tuple(boards) or tuple(config.boards)
    stands = standing(tree, config, progress=progress)
    for line in stands.left_out:
        progress(f"left out: {line}")
    entries = [e for e in stands.entries if e.board in chosen]
    if not any(entry.lab for entry in entries):
        raise InputError(f"{root}: no row stands on {', '.join(chosen) or 'any board'}")
    texts = {
        out / name if name else out: text for name, text in _texts(config, form, chosen, entries).items()
    }
    there = [path for path in texts if path.exists() and (not replace or path.is_dir())]
    if there:
        raise InputError(f"{there[0]}: is there already; choose another name, or say --replace")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def _texts(config: Config, form: Form, boards: Sequence[str], entries: Sequence[Entry]) -> dict[str, str]:
    """The files of an export by name; one that has no name is `out` itself."""
    if form == "csv":
        return {"": results_csv(config, entries)}
    if form == "latex":
        tables = (to_latex_splits(tables_of(config, board, entries)) for board in boards)
        return {"": "\n".join(text for text in tables if text)}
    return hub_files(config, entries)
