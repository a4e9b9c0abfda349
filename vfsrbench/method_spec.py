"""A method as users write it, `name[option=value]`, turned into the chosen method."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vfsrbench.board import Board, Restriction
from vfsrbench.card import MethodCard, MetricCard, Option, Value
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.safety.paths import check_regular_file, expanded, is_path, unknown_name
from vfsrbench.plugins import Entry, Registry, folder_method, methods
from vfsrbench.predictor import Predictor

_SPEC = re.compile(r"^(?P<name>[^\[\]]+?)(\[(?P<options>[^\[\]]*)\])?$")


@dataclass(frozen=True)
class Method:
    """A method as chosen for a run: its card, checked option values, and the text that names both.

    Attributes:
        entry: The card, and where it was found.
        options: A checked value for every option on the card.
        ready: A predictor that was given as an object; it is used as it is.

    Example:
        >>> method = choose_method("keep[max_length=10]")
        >>> method.id, method.card.title, method.options["max_length"]
        ('keep[max_length=10]', 'KEEP', 10)
    """

    entry: Entry[MethodCard]
    options: Mapping[str, Value]
    ready: Predictor | None = None

    @property
    def card(self) -> MethodCard:
        return self.entry.card

    @cached_property
    def id(self) -> str:
        """`name` or `name[option=value,...]` with the options that differ from the card's defaults."""
        changed = {k: v for k, v in sorted(self.options.items()) if v != self.card.options[k].default}
        text = ",".join(f"{k}={_show(v)}" for k, v in changed.items())
        return f"{self.card.name}[{text}]" if text else self.card.name

    def build(self) -> Predictor:
        """Make the predictor.

        Returns:
            The predictor, not loaded yet.

        Raises:
            InputError: The plugin's code cannot be imported.
        """
        if self.ready is not None:
            return self.ready
        if self.card.command:
            from vfsrbench.wrapped.predictor import CommandPredictor  # cards are read without what it needs

            return CommandPredictor(self.card, self.options, self.entry.folder or self.entry.path.parent)
        try:
            return self.entry.build(self.card, self.options)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"method {self.card.name!r} cannot be imported from {self.card.factory}: "
                f"{type(error).__name__}: {error}{self._remedy(error)}"
            ) from error

    def _remedy(self, error: Exception) -> str:
        """What mends an import that failed, if we know it; else empty."""
        wanted = (self.card.factory or "").rpartition(":")[2]
        if isinstance(error, AttributeError) and error.name == wanted:
            near = difflib.get_close_matches(wanted, vars(error.obj), n=1, cutoff=0.5)
            return f"; did you mean {near[0]}?" if near else ""
        name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        folder = self.entry.folder
        if folder is None or not name or name.startswith("_vfsrbench_method_"):
            return ""
        if any((folder / place).exists() for place in (name, f"{name}.py")):
            return f"; what lies beside the card is imported with a dot: from .{name} import ..."
        return f"; install {name} here, or let the card hold a command of another environment"


def split_spec(spec: str) -> tuple[str, dict[str, str]] | None:
    """Split `name[a=1,b=2]`; `name[flag]` reads as flag=true.

    Args:
        spec: A method as users write it.

    Returns:
        The name and the raw texts of options; None if the spec is malformed.

    Example:
        >>> split_spec("keep[max_length=10,fast]")
        ('keep', {'max_length': '10', 'fast': 'true'})
    """
    match = _SPEC.match(spec.strip())
    if match is None:
        return None
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (match["options"] or "").split(","))):
        key, _, value = part.partition("=")
        options[key.strip()] = value.strip() if value else "true"
    return match["name"].strip(), options


def choose_method(spec: str | Predictor, known: Registry[MethodCard] | None = None) -> Method:
    """The method that `spec` stands for, its options checked.

    Args:
        spec: `name[option=value]`; `name:variant[...]` where the card declares a variant; the path of a
            method's folder (`./mymethod`, options allowed); or a Predictor object.
        known: The installed methods, if they have been found already.

    Returns:
        The method, not built yet.

    Raises:
        InputError: An unknown name or option, or a folder without a card. A bare name is never a path:
            a folder of that name in the current folder does not take a shipped method's place.

    Example:
        >>> choose_method("bicubic").id
        'bicubic'
        >>> choose_method("keep[max_len=10]")
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: unknown option of keep 'max_len': did you mean 'max_length'?
    """
    if isinstance(spec, Predictor):
        entry = Entry(spec.card, Path("<object>"))
        return Method(entry, {**_defaults(spec.card), **spec.options}, spec)
    if is_path(spec) and (whole := expanded(spec)).is_dir():  # brackets may be part of its name
        entry = folder_method(whole)
        return Method(entry, _options(entry.card, {}))
    parts = split_spec(spec)
    if parts is None:
        raise InputError(f"method {spec!r} is malformed: write name or name[option=value,option=value]")
    name, raw = parts
    if is_path(name):
        entry = folder_method(expanded(name))
    else:
        name, colon, variant = name.partition(":")
        found = known or methods()
        if name not in found.entries and all(broken.name != name for broken in found.broken):
            raise unknown_name("method", name, found.entries)
        entry = found[name]
        if entry.card.kind == "outputs":
            raise InputError(
                f"method {name!r} is not run here: `vfsrbench import {name} FOLDER` takes what its own tool "
                f"made, and --outputs {name}=OUT scores it (docs/import.md)"
            )
        raw = _with_variant(entry.card, variant, raw) if colon else raw
    return Method(entry, _options(entry.card, raw))


def stand_ins(cards: Iterable[MetricCard], known: Registry[MethodCard]) -> tuple[str, ...]:
    """Methods that stand beside such metrics as reference rows: the ground truth, then the enlarged input.

    Args:
        cards: The metrics of a board.
        known: The installed methods.

    Returns:
        Names; none unless one of the metrics is `gameable`.

    Example:
        >>> from vfsrbench.plugins import methods, metrics
        >>> stand_ins([metrics()["niqe"].card], methods())
        ('oracle', 'input')
        >>> stand_ins([metrics()["psnr"].card], methods())
        ()
    """
    if not any(card.gameable for card in cards):
        return ()
    found = [(str(entry.card.stands_for), entry.card.name) for entry in known if entry.card.stands_for]
    return tuple(name for _, name in sorted(found))


def restrictions(board: Board, known: Registry[MethodCard]) -> dict[str, Restriction]:
    """A board's restrictions by the ids of its methods; those that are not installed go by their text.

    Args:
        board: The board.
        known: The installed methods.

    Example:
        >>> import vfsrbench as vb
        >>> from vfsrbench.plugins import methods
        >>> restrictions(vb.boards()["demo"], methods())["realesrgan"].splits
        ('vfhq-mild', 'vfhq-heavy')
    """
    found: dict[str, Restriction] = {}
    for spec, restriction in board.restrict.items():
        try:
            found[choose_method(spec, known).id] = restriction
        except InputError:
            found[spec] = restriction
    return found


def _with_variant(card: MethodCard, variant: str, raw: dict[str, str]) -> dict[str, str]:
    """The raw options with what stands behind the colon of `name:variant`."""
    if not card.variant:
        raise InputError(f"method {card.name!r} has no variants, so ':{variant}' means nothing; leave it out")
    if not variant or card.variant in raw:
        raise InputError(
            f"method {card.name!r}: give its {card.variant} once, as {card.name}:NAME or {card.variant}=NAME"
        )
    return {**raw, card.variant: variant}


def _defaults(card: MethodCard) -> dict[str, Value]:
    return {name: option.default for name, option in card.options.items()}


def _options(card: MethodCard, raw: Mapping[str, str]) -> dict[str, Value]:
    values = _defaults(card)
    for key, text in raw.items():
        if key not in card.options:
            if not card.options:
                raise InputError(f"method {card.name!r} has no options, so {key!r} cannot be set")
            raise did_you_mean(f"option of {card.name}", key, card.options)
        values[key] = _value(card.name, key, card.options[key], text)
    return values


def _value(method: str, key: str, option: Option, text: str) -> Value:
    where = f"option {key!r} of {method}"
    value: Value
    try:
        if option.type == "bool":
            value = {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        else:
            value = {"int": int, "float": float, "str": str, "file": str}[option.type](text)
    except (KeyError, ValueError):
        raise InputError(f"{where}: {text[:80]!r} is not a {option.type}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: {text!r} is not a finite number")
    if type(value) is int and abs(value) >= 2**63:
        raise InputError(f"{where}: {text[:20]}... is out of range (64 bits)")
    if option.type == "file" and text:
        try:
            check_regular_file(expanded(text))
        except InputError as error:
            raise InputError(f"{where}: {error}; give the path of a file") from None
    if option.choices and value not in option.choices:
        raise did_you_mean(f"value of {where}", text, map(str, option.choices))
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = option.min, option.max
        if (low is not None and value < low) or (high is not None and value > high):
            raise InputError(f"{where}: {text} is out of range ({low} to {high})")
    return value


def _show(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
