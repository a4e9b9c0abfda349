"""`vfsrbench list`: methods, metrics, recipes, boards, data sets, engines.

Reads cards and registrations; never imports torch.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.cli.verbs.cards.cells import FOOTNOTE, Rows, WeightsHere, licence_word, table
from vfsrbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from vfsrbench.cli.verbs.cards.show import Shown
    from vfsrbench.plugins import SkippedPlugin

app = typer.Typer()
CARDS = ("methods", "metrics", "recipes", "boards")
"""Kinds that have cards."""
WORDS = """weights: ready, none needed, or what is missing comes by
  fetch: `vfsrbench weights fetch NAME`; by hand: that says from where"""


@dataclass(frozen=True)
class Listing:
    """What there is of one kind: `full` rows, with all that JSON has, and those that a terminal shows.

    Columns that are `folded` give way where the table is too wide, in that order.
    """

    heads: list[str]
    rows: Rows
    full: list[dict[str, str]]
    folded: Sequence[int]
    notes: Sequence[str]
    footnote: str = ""


@app.command()
def list_(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="methods, metrics, recipes, boards, datasets, engines; none: all. A name after its kind "
            "shows its card: `list metrics psnr`"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON: kind -> a list of its rows")] = False,
) -> None:
    """Methods, metrics, recipes, boards, data sets, engines, with licences and whether weights are here.

    `vfsrbench show NAME` prints one card.
    """
    kinds, cards = _asked(names or list(_KINDS))
    if cards:
        from vfsrbench.cli.verbs.cards.show import show_all

        show_all([shown for kind, name in cards for shown in _shown(kind, name)], as_json)
        return
    found: dict[str, list[dict[str, str]]] = {}
    for kind in kinds:
        listing = _KINDS[kind]()
        found[kind] = listing.full
        if not as_json:
            say(f"{kind}\n")
            say(table(listing.heads, listing.rows, listing.folded))
            if listing.footnote:
                say(f"\n{listing.footnote}")
        for note in listing.notes:
            say(note, err=True)
        if not as_json:
            say()
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))


def _asked(words: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The kinds that are named, and (kind, name) of cards: names that come after a kind."""
    kinds: list[str] = []
    cards: list[tuple[str, str]] = []
    for word in words:
        if word in _KINDS:
            kinds.append(word)
        elif kinds and kinds[-1] in CARDS:
            cards.append((kinds[-1], word))
        else:
            raise did_you_mean("kind of thing", word, _KINDS)
    return kinds, cards


def _shown(kind: str, name: str) -> Iterable[Shown]:
    """The cards of this kind that a name stands for."""
    from vfsrbench.cli.verbs.cards.show import find, names_by_kind

    one = kind.removesuffix("s")
    names = names_by_kind()
    elsewhere = any(name in others for other, others in names.items() if other != one)
    found = [shown for shown in find(name, None if elsewhere else one) if shown.kind == one]
    if not found:
        raise InputError(f"{name!r} is none of the {kind}; `vfsrbench show {name}` shows it")
    return found


class Lacking:
    """Who lacks a library to read weights, by the installation extra that brings it."""

    def __init__(self) -> None:
        self._who: dict[str, list[str]] = {}

    def note(self, name: str, extras: Iterable[str]) -> None:
        for extra in extras:
            self._who.setdefault(extra, []).append(name)

    def __str__(self) -> str:
        """A paragraph an extra; empty if nothing lacks any."""
        said = [
            f"  library: `pip install 'vfsrbench[{e}]'` for {', '.join(who)}" for e, who in self._who.items()
        ]
        return "".join(
            f"{line}\n" for text in said for line in textwrap.wrap(text, 80, subsequent_indent="    ")
        )


def _methods() -> Listing:
    from vfsrbench.plugins import methods

    known, here, lacking = methods(), WeightsHere(), Lacking()
    rows, full = [], []
    for entry in known:
        card = entry.card
        uses = card.weights_for({name: option.default for name, option in card.options.items()})
        outputs = card.kind == "outputs"
        lacking.note(card.name, here.extras(uses))
        year, licence = str(card.year or ""), licence_word(card.licence, card.commercial)
        rows.append([card.name, card.title, year, "own tool" if outputs else here.word(uses), licence])
        full.append(
            {
                "name": card.name,
                "title": card.title,
                "kind": card.kind,
                "year": year,
                "licence": card.licence,
                "weights": "its own tool's" if outputs else here.of(uses),
                "options": ", ".join(card.options),
            }
        )
    heads = ["name", "title", "year", "weights", "licence"]
    notes = f"{WORDS}\n{lacking}{FOOTNOTE}\nall of a card: `vfsrbench show NAME`"
    return Listing(heads, rows, full, (1,), _skipped(known.broken), notes)


def _metrics() -> Listing:
    from vfsrbench.plugins import metric_weights, metrics

    known, here, lacking = metrics(), WeightsHere(), Lacking()
    rows, full = [], []
    for entry in known:
        card = entry.card
        uses = metric_weights(card, known)
        lacking.note(card.id, here.extras(uses))
        better = {"higher": "up", "lower": "down", "none": ""}[card.direction]
        truth = "yes" if card.reference else "no"
        rows.append([card.id, card.title, card.unit, better, truth, here.word(uses)])
        full.append(
            {
                "id": card.id,
                "title": card.title,
                "unit": card.unit,
                "better": better,
                "level": card.level,
                "ground truth": "needed" if card.reference else "not needed",
                "weights": here.of(uses),
            }
        )
    heads = ["id", "title", "unit", "better", "GT", "weights"]
    notes = f"GT: whether ground truth is needed\n{WORDS}\n{lacking}all of a card: `vfsrbench show NAME`"
    return Listing(heads, rows, full, (1,), _skipped(known.broken), notes)


def _recipes() -> Listing:
    from degradations.shipped import list_recipes

    rows = [[r.name, str(r.version), r.status, _line(r.description)] for r in list_recipes()]
    return _plain(["name", "version", "status", "description"], rows, (3,))


def _boards() -> Listing:
    from vfsrbench.board import load_board
    from vfsrbench.plugins import board_files

    broken: list[SkippedPlugin] = []
    rows, notes = [], []
    for name, path in board_files(broken).items():
        try:
            board = load_board(path)
        except InputError as error:
            notes.append(f"skipped {name}: {error}")
            continue
        rows.append([name, board.title, board.dataset.layout, ", ".join(board.splits)])
    return _plain(["name", "title", "data set", "splits"], rows, (3, 1), [*notes, *_skipped(broken)])


def _datasets() -> Listing:
    from vfsrbench.datasets.layouts import describe_layouts

    broken: list[SkippedPlugin] = []
    rows = [[name, _line(line)] for name, line in describe_layouts(broken).items()]
    return _plain(["layout", "description"], rows, (1,), _skipped(broken))


def _engines() -> Listing:
    from vfsrbench.plugins import engines

    found, broken = engines().load_all()
    lines = {name: (engine.__doc__ or "").strip().partition("\n")[0] for name, engine in found.items()}
    rows = [[name, _line(line)] for name, line in lines.items()]
    return _plain(["name", "description"], rows, (1,), _skipped(broken))


def _plain(heads: list[str], rows: Rows, folded: Sequence[int], notes: Sequence[str] = ()) -> Listing:
    """A listing that says the same everywhere, but for long lines."""
    full = [dict(zip(heads, row, strict=True)) for row in rows]
    return Listing(heads, [[_short(cell) for cell in row] for row in rows], full, folded, notes)


def _skipped(broken: Iterable[SkippedPlugin]) -> list[str]:
    return [f"skipped {plugin.name}: {plugin.reason}" for plugin in broken]


_KINDS: dict[str, Callable[[], Listing]] = {
    "methods": _methods,
    "metrics": _metrics,
    "recipes": _recipes,
    "boards": _boards,
    "datasets": _datasets,
    "engines": _engines,
}


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(line: str) -> str:
    return line if len(line) <= 90 else f"{line[:87].rsplit(' ', 1)[0]} ..."
