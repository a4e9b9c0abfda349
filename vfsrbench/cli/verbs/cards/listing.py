"""`vfsrbench list`: methods, metrics, recipes, boards, data sets, engines.

Reads cards and registrations; never imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from vfsrbench.card import WeightUse
    from vfsrbench.plugins import SkippedPlugin

app = typer.Typer()
Rows = list[list[str]]


@app.command()
def list_(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="methods, metrics, recipes, boards, datasets, engines; none: all"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON: kind -> a list of its rows")] = False,
) -> None:
    """Methods, metrics, recipes, boards, data sets, engines, with licences and whether weights are here.

    `vfsrbench show NAME` prints one card.
    """
    found: dict[str, list[dict[str, str]]] = {}
    for kind in kinds or list(_KINDS):
        if kind not in _KINDS:
            raise did_you_mean("kind of thing", kind, _KINDS)
        heads, rows, notes = _KINDS[kind]()
        found[kind] = [dict(zip(heads, row, strict=True)) for row in rows]
        if not as_json:
            say(f"{kind}\n")
            say(_table(heads, [[_short(cell) for cell in row] for row in rows]))
        for note in notes:
            say(note, err=True)
        if not as_json:
            say()
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))


Listing = tuple[list[str], Rows, list[str]]


def _methods() -> Listing:
    from vfsrbench.plugins import methods

    known, here = methods(), WeightsHere()
    rows = []
    for entry in known:
        card = entry.card
        options = {name: option.default for name, option in card.options.items()}
        rows.append(
            [
                card.name,
                card.title,
                card.kind,
                str(card.year or ""),
                card.licence,
                "its own tool's" if card.kind == "outputs" else here.of(card.weights_for(options)),
                ", ".join(card.options),
            ]
        )
    heads = ["name", "title", "kind", "year", "licence", "weights", "options"]
    return heads, rows, _skipped(known.broken)


def _metrics() -> Listing:
    from vfsrbench.plugins import metrics

    known, here = metrics(), WeightsHere()
    rows = [
        [
            entry.card.id,
            entry.card.title,
            entry.card.unit,
            {"higher": "up", "lower": "down", "none": ""}[entry.card.direction],
            entry.card.level,
            "needed" if entry.card.reference else "not needed",
            here.of(entry.card.weights),
        ]
        for entry in known
    ]
    heads = ["id", "title", "unit", "better", "level", "ground truth", "weights"]
    return heads, rows, _skipped(known.broken)


def _recipes() -> Listing:
    from degradations.shipped import list_recipes

    rows = [[r.name, str(r.version), r.status, _line(r.description)] for r in list_recipes()]
    return ["name", "version", "status", "description"], rows, []


def _boards() -> Listing:
    from vfsrbench.board import load_board
    from vfsrbench.errors import InputError
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
    return ["name", "title", "data set", "splits"], rows, [*notes, *_skipped(broken)]


def _datasets() -> Listing:
    from vfsrbench.datasets.layouts import describe_layouts

    broken: list[SkippedPlugin] = []
    rows = [[name, _line(line)] for name, line in describe_layouts(broken).items()]
    return ["layout", "description"], rows, _skipped(broken)


def _engines() -> Listing:
    from vfsrbench.plugins import engines

    found, broken = engines().load_all()
    lines = {name: (engine.__doc__ or "").strip().partition("\n")[0] for name, engine in found.items()}
    return ["name", "description"], [[name, _line(line)] for name, line in lines.items()], _skipped(broken)


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


class WeightsHere:
    """Says in a word whether checkpoints are on this machine."""

    def __init__(self) -> None:
        from vfsrbench.weights.manifest import load_manifest
        from vfsrbench.weights.receipts import weights_root

        try:
            self._root: Path | None = weights_root()
        except InputError:  # no home folder: the cards can be listed nevertheless
            self._root = None
        self._manifest = load_manifest()

    def of(self, uses: Sequence[WeightUse]) -> str:
        from vfsrbench.weights.resolve import without_library

        needed = [use for use in uses if not use.optional]
        missing = [use.name for use in needed if not any(self._is_here(use, name) for name in use.names)]
        entries = [self._manifest.entries.get(use.name) for use in needed]
        extras = {lacking.extra for entry in entries if (lacking := without_library(entry)) is not None}
        if not uses:
            return "none needed"
        if extras:
            missing = [f"vfsrbench[{extra}]" for extra in sorted(extras)] + missing
        return f"missing: {', '.join(missing)}" if missing else "here"

    def _is_here(self, use: WeightUse, name: str) -> bool:
        from vfsrbench.weights.resolve import place_of_use

        root, entry = self._root, self._manifest.entries.get(name)
        return root is not None and place_of_use(root, use, name, entry) is not None


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(line: str) -> str:
    return line if len(line) <= 90 else f"{line[:87].rsplit(' ', 1)[0]} ..."


def _table(heads: list[str], rows: Rows) -> str:
    from tabulate import tabulate

    return tabulate(rows, headers=heads, disable_numparse=True)
