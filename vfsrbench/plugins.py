"""Finding methods and metrics: entry points and folders. Only cards are read; code is imported on use."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import math
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vfsrbench import typed_toml
from vfsrbench.card import MethodCard, MetricCard, Option, Value, split_spec
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.hashing.code import folder_digest
from vfsrbench.io.safety.paths import check_regular_file, expanded, is_path, is_there, unknown_name
from vfsrbench.predictor import Predictor

if TYPE_CHECKING:  # numpy is not needed to read cards
    from vfsrbench.metric import Metric

METHOD_GROUP = "vfsrbench.methods"
METRIC_GROUP = "vfsrbench.metrics"
Card = TypeVar("Card", MethodCard, MetricCard)


@dataclass(frozen=True)
class Entry(Generic[Card]):
    """A card and where it was found. `folder` is set when its code is a folder outside any package."""

    card: Card
    path: Path
    folder: Path | None = None

    def build(self, *arguments: Any) -> Any:
        """The object that the card's class makes. ImportError and the like go to the caller."""
        module_name, _, name = str(self.card.factory).partition(":")
        if self.folder is None:
            module = importlib.import_module(module_name)
        else:
            module = _import_from(self.folder, module_name)
        return getattr(module, name)(*arguments)


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be read; it is reported and skipped."""

    name: str
    reason: str


@dataclass
class Catalogue(Generic[Card]):
    """Cards by name, and the plugins that were skipped."""

    kind: str
    entries: dict[str, Entry[Card]] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def __getitem__(self, name: str) -> Entry[Card]:
        if name not in self.entries:
            skipped = next((b for b in self.broken if b.name == name), None)
            if skipped:
                raise InputError(f"{self.kind} {name!r} cannot be used: {skipped.reason}")
            raise did_you_mean(self.kind, name, self.entries)
        return self.entries[name]

    def __iter__(self) -> Iterator[Entry[Card]]:
        return iter(self.entries[name] for name in sorted(self.entries))

    def add(self, entry: Entry[Card], name: str) -> None:
        if name in self.entries:
            self.broken.append(Broken(name, f"{entry.path}: the name is taken by {self.entries[name].path}"))
        else:
            self.entries[name] = entry


def methods() -> Catalogue[MethodCard]:
    """Every installed method."""
    found: Catalogue[MethodCard] = Catalogue("method")
    for path in _card_files(METHOD_GROUP, "card.toml", "*/card.toml", found.broken):
        _read(found, MethodCard, path, None)
    return found


def metrics() -> Catalogue[MetricCard]:
    """Every installed metric."""
    found: Catalogue[MetricCard] = Catalogue("metric")
    for path in _card_files(METRIC_GROUP, "cards/*.toml", "*/cards/*.toml", found.broken):
        _read(found, MetricCard, path, None)
    return found


def _read(found: Catalogue[Any], model: type[Any], path: Path, folder: Path | None) -> None:
    try:
        card = typed_toml.load(model, path)
    except InputError as error:
        name = path.parent.name if path.name == "card.toml" else path.stem
        found.broken.append(Broken(name, str(error)))
        return
    found.add(Entry(card, path, folder), card.name if isinstance(card, MethodCard) else card.id)


def _card_files(group: str, own: str, nested: str, broken: list[Broken]) -> Iterator[Path]:
    """Card files of every package that registers in `group`, found without importing the package."""
    for point in sorted(entry_points(group=group), key=lambda p: (p.name, p.value)):
        try:
            spec = importlib.util.find_spec(point.module)
        except Exception as error:  # a parent package may do anything when it is imported
            broken.append(Broken(point.name, f"{point.value}: {type(error).__name__}: {error}"))
            continue
        places = list(spec.submodule_search_locations or []) if spec else []
        files = [f for place in places for f in (*Path(place).glob(own), *Path(place).glob(nested))]
        if not files:
            broken.append(Broken(point.name, f"{point.value}: no cards found in that package"))
        yield from sorted(files)


@dataclass(frozen=True)
class Method:
    """A method as chosen for a run: its card, checked option values, and the text that names both."""

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
        """The predictor, not loaded yet. InputError when the plugin's code cannot be imported."""
        if self.ready is not None:
            return self.ready
        try:
            return self.entry.build(self.card, self.options)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"method {self.card.name!r} cannot be imported from {self.card.factory}: "
                f"{type(error).__name__}: {error}"
            ) from error


def choose_method(spec: str | Predictor, known: Catalogue[MethodCard] | None = None) -> Method:
    """The method that `spec` stands for, its options checked.

    Args:
        spec: `name[option=value]`; `name:variant[...]` where the card declares a variant; the path of a
            method's folder (`./mymethod`, options allowed); or a Predictor object.
        known: The installed methods, if they have been found already.

    Raises:
        InputError: An unknown name or option, or a folder without a card. A bare name is never a path:
            a folder of that name in the current folder does not take a shipped method's place.
    """
    if isinstance(spec, Predictor):
        entry = Entry(spec.card, Path("<object>"))
        return Method(entry, {**_defaults(spec.card), **spec.options}, spec)
    if is_path(spec) and (whole := expanded(spec)).is_dir():  # brackets may be part of its name
        entry = _folder_entry(whole)
        return Method(entry, _options(entry.card, {}))
    parts = split_spec(spec)
    if parts is None:
        raise InputError(f"method {spec!r} is malformed: write name or name[option=value,option=value]")
    name, raw = parts
    if is_path(name):
        entry = _folder_entry(expanded(name))
    else:
        name, colon, variant = name.partition(":")
        found = known or methods()
        if name not in found.entries and all(broken.name != name for broken in found.broken):
            raise unknown_name("method", name, found.entries)
        entry = found[name]
        raw = _with_variant(entry.card, variant, raw) if colon else raw
    return Method(entry, _options(entry.card, raw))


def _with_variant(card: MethodCard, variant: str, raw: dict[str, str]) -> dict[str, str]:
    """The raw options with what stands behind the colon of `name:variant`."""
    if not card.variant:
        raise InputError(f"method {card.name!r} has no variants, so ':{variant}' means nothing; leave it out")
    if not variant or card.variant in raw:
        raise InputError(
            f"method {card.name!r}: give its {card.variant} once, as {card.name}:NAME or {card.variant}=NAME"
        )
    return {**raw, card.variant: variant}


def choose_metric(metric_id: str, known: Catalogue[MetricCard] | None = None) -> Entry[MetricCard]:
    """The metric of that id, or InputError with the nearest known ids."""
    return (known or metrics())[metric_id]


def build_metric(entry: Entry[MetricCard]) -> Metric:
    """The metric object, not loaded yet."""
    try:
        return entry.build(entry.card)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"metric {entry.card.id!r} cannot be imported from {entry.card.factory}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _folder_entry(folder: Path) -> Entry[MethodCard]:
    path = folder / "card.toml"
    if not is_there(path):
        raise InputError(
            f"{folder}: no card.toml there; `vfsrbench new NAME` makes a method folder to start from"
        )
    return Entry(typed_toml.load(MethodCard, path), path, folder.resolve())


def _import_from(folder: Path, module_name: str) -> Any:
    """A module inside a method's folder, which becomes a package of its own so that names cannot clash.

    Its code is in the package's name: results are keyed by it, so an edited folder is another package.
    """
    code = folder_digest(folder, {".py"})
    package = f"_vfsrbench_method_{folder.name}_{zlib.crc32(f'{folder}:{code}'.encode()):08x}"
    if package not in sys.modules:
        init = folder / "__init__.py"
        spec = importlib.util.spec_from_file_location(
            package, init if init.is_file() else None, submodule_search_locations=[str(folder)]
        )
        if spec is None:
            spec = importlib.machinery.ModuleSpec(package, None, is_package=True)
            spec.submodule_search_locations = [str(folder)]
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        try:
            if spec.loader is not None:
                spec.loader.exec_module(module)
        except BaseException:  # or the next try would find a package that never came to its end
            for name in [n for n in sys.modules if n == package or n.startswith(f"{package}.")]:
                del sys.modules[name]
            raise
    return importlib.import_module(f"{package}.{module_name}")


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
