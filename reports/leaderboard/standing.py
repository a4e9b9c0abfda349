"""What stands on a leaderboard: every bundle in `submissions/`, as rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reports.bundles.reading import Bundle
from reports.bundles.schema import SUFFIX
from reports.bundles.verdicts import Checked, kept_check
from reports.leaderboard.config import SUBMISSIONS, Config
from reports.leaderboard.divisions import Official
from reports.leaderboard.entries import Entry, entries_of
from reports.leaderboard.fitting import misfits
from reports.leaderboard.tree import FolderTree, Tree, opened
from reports.sharing.checking import check_bundle
from vfsrbench.errors import InputError

_NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
BUNDLE = re.compile(rf"{SUBMISSIONS}/(?P<lab>{_NAME})/(?P<method>{_NAME}){re.escape(SUFFIX)}")
LAB = re.compile(rf"{SUBMISSIONS}/(?P<lab>{_NAME})/lab\.toml")


@dataclass(frozen=True)
class Standing:
    """All rows, and what is in the folder but cannot stand, a line each."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()


def bundles_in(tree: Tree) -> list[str]:
    """The bundles of a leaderboard, by their paths."""
    return sorted(name for name in tree.files if BUNDLE.fullmatch(name))


def lab_of(name: str) -> str:
    """The laboratory whose file it is; empty if it is nobody's."""
    found = BUNDLE.fullmatch(name) or LAB.fullmatch(name)
    return found["lab"] if found else ""


def standing(
    tree: Tree,
    config: Config,
    names: Iterable[str] | None = None,
    check: bool = True,
    progress: Callable[[str], None] = lambda what: None,
) -> Standing:
    """The rows of a leaderboard's bundles.

    Args:
        tree: Its files.
        config: Its configuration.
        names: Some of its bundles. Default: all.
        check: Check each bundle, unless the outcome of a check lies beside it; rows that a check contradicts
            do not stand. Without, a row's verdict is what lies beside it.
        progress: Called with each bundle's name.
    """
    official = Official.here(frozenset(config.settings.official))
    entries: list[Entry] = []
    left_out: list[str] = []
    references: set[tuple[str, str, str]] = set()
    for name in bundles_in(tree) if names is None else names:
        progress(name)
        try:
            with opened(tree, name) as bundle:
                if problem := _problem(bundle, config):
                    raise InputError(f"{name}: {problem}")
                checked = _checked(tree, bundle, check)
                found = list(entries_of(bundle, lab_of(name), name, official, checked))
        except InputError as error:
            left_out.append(str(error))
            continue
        for entry in found:
            place = (entry.board, entry.split, entry.method)
            if entry.verdict == "contradicted":
                left_out.append(f"{name}: {entry.method}, {entry.split}: a check contradicts it")
            elif entry.lab or place not in references:
                references |= set() if entry.lab else {place}
                entries.append(entry)
    return Standing(tuple(entries), tuple(left_out))


def _problem(bundle: Bundle, config: Config) -> str:
    rules = config.boards.get(bundle.board.name)
    if rules is None:
        return f"is of the board {bundle.board.name!r}, which this leaderboard does not have"
    return next(misfits(bundle, rules), "")


def _checked(tree: Tree, bundle: Bundle, check: bool) -> Checked | None:
    kept = kept_check(bundle) if isinstance(tree, FolderTree) else None
    return check_bundle(bundle) if kept is None and check else kept
