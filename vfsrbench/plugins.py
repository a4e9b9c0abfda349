"""What packages register: methods, metrics and boards by their files, everything else by name.

Finding imports no plugin: cards are read, entry points listed. Code is imported when it is used. What cannot
be used is named (`SkippedPlugin`) and skipped; what comes with vfsrbench has its names for itself.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_WORKERS
from vfsrbench.board import Board, load_board
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.engines.base import Engine
from vfsrbench.entry_points import Registered, SkippedPlugin, points, reason_of, registered
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.hashing.code import folder_digest
from vfsrbench.io.safety.paths import expanded, is_path, is_there, unknown_name

if TYPE_CHECKING:  # numpy is not needed to read cards
    from vfsrbench.metric import Metric

METHOD_GROUP = "vfsrbench.methods"
METRIC_GROUP = "vfsrbench.metrics"
BOARD_GROUP = "vfsrbench.boards"
COMMAND_GROUP = "vfsrbench.commands"
ENGINE_GROUP = "vfsrbench.engines"
LAYOUT_GROUP = "vfsrbench.layouts"
REPORTER_GROUP = "vfsrbench.reporters"
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


@dataclass
class Registry(Generic[Card]):
    """Cards by name, and the plugins that were skipped."""

    kind: str
    entries: dict[str, Entry[Card]] = field(default_factory=dict)
    broken: list[SkippedPlugin] = field(default_factory=list)

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
            self.broken.append(
                SkippedPlugin(name, f"{entry.path}: the name is taken by {self.entries[name].path}")
            )
        else:
            self.entries[name] = entry


def methods() -> Registry[MethodCard]:
    """Every installed method."""
    found: Registry[MethodCard] = Registry("method")
    for path in _card_files(METHOD_GROUP, "card.toml", "*/card.toml", found.broken):
        _read(found, MethodCard, path, None)
    return found


def metrics() -> Registry[MetricCard]:
    """Every installed metric."""
    found: Registry[MetricCard] = Registry("metric")
    for path in _card_files(METRIC_GROUP, "cards/*.toml", "*/cards/*.toml", found.broken):
        _read(found, MetricCard, path, None)
    return found


def _read(found: Registry[Any], model: type[Any], path: Path, folder: Path | None) -> None:
    try:
        card = typed_toml.load(model, path)
    except InputError as error:
        name = path.parent.name if path.name == "card.toml" else path.stem
        found.broken.append(SkippedPlugin(name, str(error)))
        return
    found.add(Entry(card, path, folder), card.name if isinstance(card, MethodCard) else card.id)


def _card_files(group: str, own: str, nested: str, broken: list[SkippedPlugin]) -> Iterator[Path]:
    """Card files of every package that registers in `group`, found without importing the package."""
    for point in points(group):
        try:
            spec = importlib.util.find_spec(point.module)
        except Exception as error:  # a parent package may do anything when it is imported
            broken.append(SkippedPlugin(point.name, reason_of(point, error)))
            continue
        places = list(spec.submodule_search_locations or []) if spec else []
        files = [f for place in places for f in (*Path(place).glob(own), *Path(place).glob(nested))]
        if not files:
            broken.append(SkippedPlugin(point.name, f"{point.value}: nothing found in that package ({own})"))
        yield from sorted(files)


def choose_metric(metric_id: str, known: Registry[MetricCard] | None = None) -> Entry[MetricCard]:
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


def board_files(skipped: list[SkippedPlugin] | None = None) -> dict[str, Path]:
    """The boards' files of every package that registers in `vfsrbench.boards`, by name.

    Args:
        skipped: Takes the packages without boards, and boards whose name is taken.
    """
    broken = [] if skipped is None else skipped
    found: dict[str, Path] = {}
    for path in _card_files(BOARD_GROUP, "boards/*.toml", "*/boards/*.toml", broken):
        first = found.setdefault(path.stem, path)
        if first != path:
            broken.append(SkippedPlugin(path.stem, f"{path}: the name is taken by {first}"))
    return found


def find_board(name: str) -> Board:
    """The installed board of that name, or the board in the file of that path (`./my-board.toml`).

    A bare name is never a path. InputError names the nearest boards, or what is wrong in the file.
    """
    if not is_path(name):
        files = board_files()
        if name not in files:
            raise unknown_name("board", name, files)
        return load_board(files[name])
    path = expanded(name)
    if not is_there(path):
        raise InputError(f"{name}: no such board file; `vfsrbench list boards` shows those that ship")
    return load_board(path)


def commands() -> Registered:
    """The verbs that packages add to the command line: modules, each with a Typer `app`."""
    return registered("command", COMMAND_GROUP)


def engines() -> Registered:
    """The engines: classes or functions that are called with `workers` and return an `Engine`."""
    return registered("engine", ENGINE_GROUP)


def layouts() -> Registered:
    """The layouts of data sets: functions from a folder to its clips (`vfsrbench.datasets.layouts`)."""
    return registered("data set layout", LAYOUT_GROUP)


def get_engine(name: str = "local", workers: int | None = None) -> Engine:
    """The engine of that name.

    Args:
        name: As `engines` has it.
        workers: Processes, for an engine that has several. Default: its own choice.

    Raises:
        InputError: There is no such engine, or it cannot be made.
    """
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"--workers must be at least 1 and at most {MOST_WORKERS}, got {workers}")
    known = engines()
    make = known.load(name)
    try:
        engine: Engine = make(workers)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"engine {name!r} cannot be used: {reason_of(known.points[name], error)}") from error
    if not isinstance(getattr(engine, "name", None), str) or not callable(getattr(engine, "run", None)):
        raise InputError(f"engine {name!r} cannot be used: {known.points[name].value} makes no engine")
    return engine


def load_reporter(name: str) -> Any:
    """The function that writes reports: `build` (files) or `show` (files, and tables on the terminal)."""
    known = registered("reporter", REPORTER_GROUP)
    if name not in known.points:
        raise InputError("no package that writes reports is installed; install vfsrbench again")
    return known.load(name)
