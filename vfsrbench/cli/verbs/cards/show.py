"""`vfsrbench show`: the card of a method or metric, a board, a recipe."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.safety.paths import expanded, is_path

if TYPE_CHECKING:
    from degradations.reading.typed_toml import FrozenModel
    from degradations.recipe import Recipe
    from vfsrbench.card import MetricCard

app = typer.Typer()
_WIDTH = 100
_INDENT = 16


@dataclass(frozen=True)
class Shown:
    """What is printed of one thing: `kind` and `name` on the first line, then a line or paragraph a fact."""

    kind: str
    name: str
    facts: Mapping[str, Any]


@app.command()
def show(
    names: Annotated[
        list[str],
        typer.Argument(
            help="methods, metrics, boards, recipes by name, or ./FOLDER of a method, ./FILE.toml of a board "
            "or recipe; the first part of metrics' names shows them all: IDS"
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="as JSON, a list")] = False,
) -> None:
    """Everything that a card, a board or a recipe says."""
    show_all([shown for name in names for shown in find(name)], as_json)


def show_all(found: Sequence[Shown], as_json: bool) -> None:
    """Print cards, as text or JSON."""
    if as_json:
        listed = [{"kind": shown.kind, "name": shown.name, **shown.facts} for shown in found]
        say(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    say("\n\n".join(map(_text, found)))


def find(name: str, kind: str | None = None) -> list[Shown]:
    """All that has this name; of several kinds if there are, or of one `kind` alone (`method`).

    InputError says which names are near.
    """
    from vfsrbench.method_spec import split_spec

    place = split_spec(name)
    if is_path(name) and not any(expanded(p).exists() for p in (name, place[0] if place else name)):
        raise InputError(f"{name}: no method's folder, and no file of a board or recipe")
    if is_path(name) and expanded(name).is_file():
        return [_of_file(name)]
    finders = {"method": _methods, "metric": _metrics, "board": _boards, "recipe": _recipes}
    found = [shown for each, find in finders.items() if kind in (None, each) for shown in find(name)]
    if found:
        return found
    if kind is not None:
        raise did_you_mean(kind, name, names_by_kind()[kind])
    everything = [one for names in names_by_kind().values() for one in names]
    raise did_you_mean("method, metric, board or recipe", name, everything)


def _of_file(path: str) -> Shown:
    """A board or a recipe by its file: recipes alone have operators."""
    from degradations.reading.typed_toml import read_toml
    from degradations.recipe import load_recipe
    from vfsrbench.plugins import find_board

    if "operators" in read_toml(expanded(path)):
        return _recipe(load_recipe(path))
    board = find_board(path)
    return Shown("board", board.name, _facts(board))


def _methods(name: str) -> Iterable[Shown]:
    from vfsrbench.method_spec import choose_method, split_spec
    from vfsrbench.plugins import methods

    known = methods()
    if not is_path(name):
        parts = split_spec(name)
        bare = parts[0].partition(":")[0] if parts else name
        if bare not in known.entries and all(broken.name != bare for broken in known.broken):
            return []
        card = known[bare].card
        chosen = None if card.kind == "outputs" else choose_method(name, known)
    else:
        chosen = choose_method(name, known)
        card = chosen.card
    options = {n: o.default for n, o in card.options.items()} if chosen is None else dict(chosen.options)
    facts = _facts(card) | {"weights": _weights(card.weights_for(options))}
    if card.kind == "outputs":
        facts["weights"] = []
    if not card.command:  # a limit of commands alone
        facts.pop("time_limit")
    return [Shown("method", card.name if chosen is None else chosen.id, facts)]


def _metrics(name: str) -> Iterable[Shown]:
    from vfsrbench.plugins import metrics

    if is_path(name):
        return []
    known = metrics()
    own = known.spelled(name)
    ids = known.family(name) if own is None else [own]
    return [_metric(known[one].card) for one in ids]


def _metric(card: MetricCard) -> Shown:
    from vfsrbench.plugins import metric_weights

    return Shown("metric", card.id, _facts(card) | {"weights": _weights(metric_weights(card))})


def _boards(name: str) -> Iterable[Shown]:
    from vfsrbench.board import load_board
    from vfsrbench.plugins import board_files

    path = board_files().get(name)
    return [] if path is None else [Shown("board", name, _facts(load_board(path)))]


def _recipes(name: str) -> Iterable[Shown]:
    from degradations.recipe import load_recipe
    from degradations.shipped import list_recipes

    if name not in {recipe.name for recipe in list_recipes()}:
        return []
    return [_recipe(load_recipe(name))]


def _recipe(recipe: Recipe) -> Shown:
    """Operators say what a recipe's file says of them: what differs from their defaults."""
    from degradations.operators.base import plain

    return Shown("recipe", recipe.name, _facts(recipe) | {"operators": plain(recipe.operators)})


def names_by_kind() -> dict[str, list[str]]:
    """What there is to show."""
    from degradations.shipped import list_recipes
    from vfsrbench.plugins import board_files, methods, metrics

    return {
        "method": [*methods().entries],
        "metric": [*metrics().entries],
        "board": [*board_files()],
        "recipe": [recipe.name for recipe in list_recipes()],
    }


def _facts(model: FrozenModel) -> dict[str, Any]:
    """What a card, board or recipe says, without what is empty."""
    dumped = model.model_dump(mode="json", by_alias=True)
    return {key: value for key, value in dumped.items() if value not in (None, "", [], {})}


def _weights(uses: Sequence[Any]) -> list[str]:
    """Each checkpoint in a line: its name, its role, and whether it is here."""
    from vfsrbench.cli.verbs.cards.cells import WeightsHere

    here = WeightsHere()
    lines = []
    for use in uses:
        state = here.of([use.replace(optional=False)])
        if use.optional and state != "here":
            state = "not here; does without"
        lines.append(f"{' or '.join(use.names)} ({use.role}): {state}")
    return lines


def _text(shown: Shown) -> str:
    facts = {k: v for k, v in shown.facts.items() if k not in ("name", "id") and v not in ([], {})}
    lines = [f"{shown.kind} {shown.name}"]
    for key, value in facts.items():
        head = f"  {key.replace('_', ' '):<{_INDENT - 3}} "
        parts = _lines(value)
        for number, part in enumerate(parts):
            lead = head if number == 0 else " " * _INDENT
            lines += textwrap.wrap(
                part, _WIDTH, initial_indent=lead, subsequent_indent=" " * _INDENT, break_long_words=False
            )
    return "\n".join(lines)


def _lines(value: Any) -> list[str]:
    """A fact as lines: lists of words in one, lists of more and tables one an entry."""
    if isinstance(value, list):
        plain = all(not isinstance(one, dict | list) for one in value)
        if plain and not any(" " in str(one) for one in value):
            return [", ".join(map(_word, value))]
        return [_lines(one)[0] if plain else _pairs(one) for one in value]
    if isinstance(value, dict):
        return [f"{key}: {_pairs(inner)}" for key, inner in value.items() if inner not in (None, [], {})]
    return [_word(value)]


def _pairs(value: Any, inside: bool = False) -> str:
    """A table or a list in a line; one that stands `inside` another has its brackets, as in TOML."""
    if isinstance(value, dict):
        filled = {key: inner for key, inner in value.items() if inner not in (None, "", [], {})}
        text = ", ".join(f"{key} = {_pairs(inner, inside=True)}" for key, inner in filled.items())
        return f"{{{text}}}" if inside else text
    if isinstance(value, list):
        text = ", ".join(_pairs(one, inside=True) for one in value)
        return f"[{text}]" if inside else text
    return _word(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
