"""How checkpoints are listed and named on the command line."""

from __future__ import annotations

import textwrap
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.cli.verbs.cards.cells import licence_word, line_width, table
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


def named_checkpoints(names: Sequence[str] | None, manifest: Manifest, reach: Reach) -> list[str]:
    """Checkpoint names as they are, and all that methods and metrics of a name need. InputError for a name
    that is none of these."""
    from vfsrbench.plugins import methods, metrics
    from vfsrbench.weights.manifest import needs_of

    needs, scores = needs_of(), metrics()
    found: list[str] = []
    for name in names or ():
        if name in manifest.entries or name in reach.weights:
            found.append(name)
            continue
        user = name if name in needs or name in reach.of else scores.named(name)
        if user in methods().entries or user in scores.entries or user in reach.of:
            found += [*reach.of.get(user, ()), *(one for group in needs.get(user, ()) for one in group)]
        else:
            check_names([name], manifest, reach)
    return list(dict.fromkeys(found))


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


@dataclass(frozen=True)
class ListedWeight:
    """A checkpoint of `weights list`: published, or of a card alone, which says its `place`."""

    name: str
    here: str
    size: str
    vouched: str
    how: str
    licence: str
    users: Sequence[str]
    place: str = ""

    @classmethod
    def published(cls, root: Path, entry: WeightFile, users: Sequence[str]) -> ListedWeight:
        size = megabytes(entry.size or (entry.megabytes or 0) * 1e6)
        word = licence_word(entry.licence, entry.commercial)
        return cls(entry.name, state_of(root, entry), size, entry.provenance, way_of(entry), word, users)

    @classmethod
    def own(cls, root: Path, weight: CardWeight) -> ListedWeight:
        path = weight.place(root)
        size = megabytes(path.stat().st_size) if path is not None else "?"
        on_card = path is None or str(path) == weight.use.file
        how = ("on its card" if weight.use.file else "by hand") if on_card else "yours"
        place = weight.use.file if on_card else str(path)
        word = licence_word(weight.licence, None)
        return cls(weight.name, weight.state(root), size, "-", how, word, weight.users, place)

    @property
    def cells(self) -> list[str]:
        return [self.name, self.here, self.size, self.vouched, self.how, self.licence]

    @property
    def row(self) -> list[str]:
        """All on one line."""
        how = f"{self.how}: {self.place}" if self.place else self.how
        return [*self.cells[:4], how, self.licence, ", ".join(self.users) or "-"]


def listed(weights: Sequence[ListedWeight]) -> str:
    """The table of `weights list`. Who needs a file stands below it where there is no room beside it."""
    heads = ["name", "here", "MB", "SHA-256", "how", "licence"]
    whole = table([*heads, "needed by"], [weight.row for weight in weights])
    width = line_width()
    if width is None or max(map(len, whole.splitlines())) <= width:
        return whole
    lines = table(heads, [weight.cells for weight in weights]).splitlines()
    found = lines[:2]
    for line, weight in zip(lines[2:], weights, strict=True):
        told = [weight.place] * bool(weight.place) + [f"needed by {', '.join(weight.users) or 'nothing'}"]
        found += [line, *_wrapped("; ".join(told), width, "    ")]
    return "\n".join(found)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def remedy_of(root: Path, weight: CardWeight) -> str:
    """How a checkpoint that only a card names comes here."""
    there = weight.use.file or f"{root}, under that name"
    return f"run `vfsrbench weights path {weight.name}=FILE`, or put it at {there}"


def way_of(entry: WeightFile) -> str:
    """How a file comes, in a word: `fetched` (from a URL), `package` (of the package index), `by hand`."""
    return "fetched" if entry.urls else "package" if entry.packages else "by hand"


def megabytes(size: float) -> str:
    """A size as the lists show it; `?` if it is not known."""
    return f"{size / 1e6:.0f}" if size >= 1e7 else f"{size / 1e6:.1f}" if size else "?"


def about_lines(root: Path, entries: Iterable[WeightFile]) -> list[str]:
    """What each file is, what there is to know of it, and where it is when nothing can fetch it."""
    from vfsrbench.weights.resolve import where_to_get

    width = line_width()
    lines: list[str] = []
    for entry in entries:
        text = f"{entry.name}: {entry.title.rstrip('.')}." + (f" {entry.note}" if entry.note else "")
        if not entry.urls and not entry.wheels:
            text += f" By hand: {where_to_get(root, entry)}."
        lines += _wrapped(text, width, "  ") if width else [f"  {text}"]
    return ["about:", *lines] if lines else []


def licence_lines(entries: Iterable[WeightFile]) -> list[str]:
    """The licences that have to be accepted, each once and in full, with the files that it is for."""
    texts: dict[str, list[str]] = {}
    for entry in entries:
        if entry.needs_consent:
            texts.setdefault(f"{entry.licence} {entry.licence_url}".strip(), []).append(entry.name)
    width = line_width()
    said = [f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in texts.items()]
    lines = [line for text in said for line in (_wrapped(text, width, "  ") if width else [f"  {text}"])]
    return ["licences to accept, in full:", *lines] if lines else []
