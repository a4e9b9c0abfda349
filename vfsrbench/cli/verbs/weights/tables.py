"""How checkpoints are listed and named on the command line."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from vfsrbench.weights.manifest import Manifest, WeightFile
    from vfsrbench.weights.of_cards.reach import CardWeight, Reach

Alternatives = tuple[str, ...]
"""Checkpoints of which one is enough, the preferred one first."""


def expanded_names(
    names: Sequence[str], manifest: Manifest, beside: Container[str] = ()
) -> list[Alternatives]:
    """Checkpoint names as they are; a method's or metric's name stands for all that it needs, `all` for
    everything. What is `beside` the manifest is left out of what methods and metrics need."""
    from vfsrbench.plugins import metrics
    from vfsrbench.weights.manifest import needs_of

    needs, named = needs_of(), metrics().named
    wanted: list[Alternatives] = []
    for name in names:
        if name == "all":
            wanted += [(known,) for known in sorted(manifest.entries)]
        elif name in manifest.entries or (user := name if name in needs else named(name)) not in needs:
            wanted.append((name,))
        else:
            wanted += [group for group in needs[user] if not any(one in beside for one in group)]
    return list(dict.fromkeys(wanted))


def state_of(root: Path, entry: WeightFile) -> str:
    """Whether the checkpoint is here, in a word or two."""
    from vfsrbench.weights.resolve import is_untrained, place_of, problem_with

    path = place_of(root, entry.name, entry)
    if path is None:
        return "no"
    if problem_with(root, entry.name, path, entry):
        return "WRONG FILE"
    return "untrained" if is_untrained(path) else "yes"


def unreadable_lines(entries: Iterable[WeightFile]) -> list[str]:
    """What nothing that is installed reads, with the installation extra that brings it; a line an extra."""
    from vfsrbench.weights.resolve import without_library

    unread: dict[str, list[str]] = {}
    for entry in entries:
        lacking = without_library(entry)
        if lacking is not None:
            unread.setdefault(lacking.missing, []).append(entry.name)
    return [f"not readable here: {', '.join(names)}: {why}" for why, names in unread.items()]


def check_names(names: Sequence[str], manifest: Manifest, reach: Reach) -> None:
    """InputError for a name that neither the manifest nor a card in reach has."""
    for name in names:
        if name not in manifest.entries and name not in reach.weights:
            error = did_you_mean("checkpoint", name, [*manifest.entries, *reach.weights])
            raise InputError(
                f"{error}; a method's own checkpoint is known where its folder lies in the current one, or "
                "with --method-path FOLDER"
            )


def own_row(root: Path, weight: CardWeight) -> list[str]:
    """A row of `weights list` for a checkpoint that only a card names."""
    path = weight.place(root)
    size = megabytes(path.stat().st_size) if path is not None else "?"
    licence = weight.licence or "?"
    how = weight.how if path is None or str(path) == weight.use.file else f"yours: {path}"
    return [weight.name, weight.state(root), size, "-", how, "?", licence, ", ".join(weight.users)]


def remedy_of(root: Path, weight: CardWeight) -> str:
    """How a checkpoint that only a card names comes here."""
    there = weight.use.file or f"{root}, under that name"
    return f"run `vfsrbench weights path {weight.name}=FILE`, or put it at {there}"


def megabytes(size: float) -> str:
    """A size as the lists show it; `?` if it is not known."""
    return f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}" if size else "?"


def commercial(entry: WeightFile) -> str:
    """Whether commercial use is allowed: yes, no or `?`."""
    return {True: "yes", False: "no", None: "?"}[entry.commercial]


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A plain table; numbers stay as they are written."""
    from tabulate import tabulate

    return tabulate(rows, headers=heads, disable_numparse=True)
