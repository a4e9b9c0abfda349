"""What packages register: methods, metrics and boards by their files, everything else by name.

Finding imports no plugin: cards are read, entry points listed. Code is imported when it is used. What cannot
be used is named (`SkippedPlugin`) and skipped; what comes with vfsrbench has its names for itself.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_WORKERS
from vfsrbench.board import Board, load_board
from vfsrbench.card import MethodCard, MetricCard, WeightUse, placed
from vfsrbench.engines.base import Engine
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import expanded, is_path, is_there, unknown_name
from vfsrbench.registry import (
    Entry,
    Registered,
    Registry,
    SkippedPlugin,
    is_ours,
    points,
    reason_of,
    registered,
)

if TYPE_CHECKING:  # numpy is not needed to read cards
    from vfsrbench.metric import Metric

METHOD_GROUP = "vfsrbench.methods"
METRIC_GROUP = "vfsrbench.metrics"
BOARD_GROUP = "vfsrbench.boards"
ENGINE_GROUP = "vfsrbench.engines"
LAYOUT_GROUP = "vfsrbench.layouts"
REPORTER_GROUP = "vfsrbench.reporters"


def methods() -> Registry[MethodCard]:
    """Every installed method. Reads cards, imports no plugin.

    Returns:
        The methods, and the ones that cannot be used.

    Example:
        >>> methods()["keep"].card.title
        'KEEP'
    """
    found: Registry[MethodCard] = Registry("method")
    for path, ours in _card_files(METHOD_GROUP, "card.toml", "*/card.toml", found.broken):
        _read(found, MethodCard, path, ours)
    return found


def metrics() -> Registry[MetricCard]:
    """Every installed metric. Reads cards, imports no plugin.

    Returns:
        The metrics, and the ones that cannot be used.

    Example:
        >>> metrics()["ssim"].card.direction
        'higher'
    """
    found: Registry[MetricCard] = Registry("metric")
    for path, ours in _card_files(METRIC_GROUP, "cards/*.toml", "*/cards/*.toml", found.broken):
        _read(found, MetricCard, path, ours)
    for card in list(found.cards.values()):
        if card.derived is not None and (reason := _not_derivable(card.derived.metric, found)):
            entry = found.entries.pop(card.id)
            found.broken.append(SkippedPlugin(card.id, f"{entry.path}: {reason}"))
    return found


def metric_weights(card: MetricCard, known: Registry[MetricCard] | None = None) -> tuple[WeightUse, ...]:
    """The checkpoints that a metric's values come from: its own, or those of what it is derived from.

    Args:
        card: The metric.
        known: The metrics (default: the installed ones).

    Example:
        >>> [use.name for use in metric_weights(metrics()["sigma_ids_w600k_r50"].card)]
        ['w600k_r50', 'retinaface_r50']
    """
    if card.derived is None:
        return card.weights
    return (metrics() if known is None else known)[card.derived.metric].card.weights


def _not_derivable(source: str, known: Registry[MetricCard]) -> str:
    """Why nothing can be derived from a metric; empty: it can."""
    if source not in known.entries:
        return f"it is derived from {source!r}, which is no installed metric"
    card = known.entries[source].card
    if card.derived is not None or card.level not in ("frame", "pair"):
        return f"it is derived from {source!r}, which has no values a frame"
    return ""


def _read(found: Registry[Any], model: type[Any], path: Path, ours: bool) -> None:
    try:
        card = _card(model, path)
    except InputError as error:
        name = path.parent.name if path.name == "card.toml" else path.stem
        found.broken.append(SkippedPlugin(name, str(error)))
        return
    found.add(Entry(card, path, shipped=ours), card.name if isinstance(card, MethodCard) else card.id)


def _card(model: Any, path: Path) -> Any:
    """The card in a file. InputError if it is none."""
    try:
        status = path.stat()
    except OSError:  # reading it says what is wrong
        return placed(typed_toml.load(model, path), path.parent)
    return _card_as_it_is(model, path, status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _card_as_it_is(model: Any, path: Path, number: int, size: int, modified: int) -> Any:
    """Each state of a file is read once, however often a command asks for all cards."""
    return placed(typed_toml.load(model, path), path.parent)


def folder_method(folder: Path) -> Entry[MethodCard]:
    """The method in a folder outside any package.

    Args:
        folder: It holds `card.toml` and the method's code.

    Returns:
        Its entry. No code is imported.

    Raises:
        InputError: There is no card, or something is wrong on it.

    Example:
        >>> folder_method(Path("no-such-folder"))
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: no-such-folder: no card.toml there; `vfsrbench new NAME` makes a \
method folder to start from
    """
    path = folder / "card.toml"
    if not is_there(path):
        raise InputError(
            f"{folder}: no card.toml there; `vfsrbench new NAME` makes a method folder to start from"
        )
    whole = folder.resolve()
    return Entry(placed(typed_toml.load(MethodCard, path), whole), path, whole)


def _card_files(
    group: str, own: str, nested: str, broken: list[SkippedPlugin]
) -> Iterator[tuple[Path, bool]]:
    """Card files of every package that registers in `group`, found without importing the package, and whether
    they come with vfsrbench."""
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
        yield from ((file, is_ours(point)) for file in sorted(files))


def choose_metric(metric_id: str, known: Registry[MetricCard] | None = None) -> Entry[MetricCard]:
    """The metric of that id.

    Args:
        metric_id: As on boards.
        known: The installed metrics, if they have been found already.

    Returns:
        Its entry.

    Raises:
        InputError: There is no such metric; names the nearest ids.

    Example:
        >>> choose_metric("psnr").card.unit
        'dB'
    """
    return (known or metrics())[metric_id]


def metric_ids(names: Iterable[str], known: Registry[MetricCard] | None = None) -> tuple[str, ...]:
    """The ids that are meant by metrics as users write them, in any case (`Registry.named`).

    Args:
        names: Metrics.
        known: The installed metrics, if they have been found already.

    Raises:
        InputError: It is a family with several.

    Example:
        >>> metric_ids(["PSNR", "ssim"])
        ('psnr', 'ssim')
    """
    found = known or metrics()
    return tuple(found.named(name) for name in names)


def build_metric(entry: Entry[MetricCard]) -> Metric:
    """Make a metric.

    Args:
        entry: The metric's entry.

    Returns:
        The metric object, not loaded yet.

    Raises:
        InputError: Its code cannot be imported.

    Example:
        >>> type(build_metric(choose_metric("psnr"))).__mro__[-3].__name__
        'Metric'
    """
    try:
        return entry.build(entry.card)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"metric {entry.card.id!r} cannot be imported from {entry.card.factory}: "
            f"{type(error).__name__}: {error}"
        ) from error


def board_files(skipped: list[SkippedPlugin] | None = None) -> dict[str, Path]:
    """The boards' files of every package that registers in `vfsrbench.boards`, by name.

    Args:
        skipped: Takes the packages without boards, and boards whose name is taken.

    Returns:
        Name -> file.

    Example:
        >>> board_files()["demo"].name
        'demo.toml'
    """
    broken = [] if skipped is None else skipped
    found: dict[str, Path] = {}
    for path, _ in _card_files(BOARD_GROUP, "boards/*.toml", "*/boards/*.toml", broken):
        first = found.setdefault(path.stem, path)
        if first != path:
            broken.append(SkippedPlugin(path.stem, f"{path}: the name is taken by {first}"))
    return found


def find_board(name: str) -> Board:
    """The installed board of that name, or the board in the file of that path (`./my-board.toml`).

    Args:
        name: A board's name, or a path; a bare name is never a path.

    Returns:
        The board.

    Raises:
        InputError: There is no such board (names the nearest ones), or something is wrong in the file.

    Example:
        >>> find_board("demo").dataset.layout
        'demo'
    """
    if not is_path(name):
        files = board_files()
        if name not in files:
            raise unknown_name("board", name, files)
        return load_board(files[name])
    path = expanded(name)
    if not is_there(path):
        raise InputError(f"{name}: no such board file; `vfsrbench list boards` shows those that ship")
    board = _with_ids(load_board(path))
    try:
        own = [folder_method(expanded(method)).card.name for method in board.methods if is_path(method)]
    except InputError:  # one has options, or cannot be read from here
        own = None
    return board.check_names(own)


def _with_ids(board: Board) -> Board:
    """The board with the ids of metrics that are spelled otherwise."""
    figures = {name: value for name, value in board.figures if isinstance(value, tuple)}
    every = [
        *board.metrics,
        *((board.sort_by,) if board.sort_by else ()),
        *(m for v in figures.values() for m in v),
    ]
    if all(re.fullmatch(r"[a-z0-9_]+", name) for name in every):  # the cards need not be read
        return board
    known = metrics()
    return board.replace(
        metrics=metric_ids(board.metrics, known),
        sort_by=board.sort_by and known.named(board.sort_by),
        figures=board.figures.replace(**{name: metric_ids(v, known) for name, v in figures.items()}),
    )


def engines() -> Registered:
    """The engines: classes or functions that are called with `workers` and return an `Engine`.

    Returns:
        The registered engines by name.

    Example:
        >>> sorted({"local", "serial"} & set(engines().points))
        ['local', 'serial']
    """
    return registered("engine", ENGINE_GROUP)


def layouts() -> Registered:
    """The layouts of data sets: functions from a folder to its clips (`vfsrbench.datasets.layouts`).

    Returns:
        The registered layouts by name.

    Example:
        >>> "vfhq-test" in layouts().points
        True
    """
    return registered("data set layout", LAYOUT_GROUP)


def get_engine(
    name: str = "local", workers: int | None = None, options: Mapping[str, str] | None = None
) -> Engine:
    """The engine of that name.

    Args:
        name: As `engines` has it.
        workers: Processes, for an engine that has several. Default: its own choice.
        options: Its own options, for an engine that takes `options` beside `workers`.

    Returns:
        The engine; nothing is started yet.

    Raises:
        InputError: There is no such engine, or it cannot be made.

    Example:
        >>> get_engine("serial").name
        'serial'
    """
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"--workers must be at least 1 and at most {MOST_WORKERS}, got {workers}")
    known = engines()
    make = known.load(name)
    if options and "options" not in signature(make).parameters:
        raise InputError(f"engine {name!r} has no options, and none is called {next(iter(options))!r}")
    try:
        engine: Engine = make(workers, options=dict(options)) if options else make(workers)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"engine {name!r} cannot be used: {reason_of(known.points[name], error)}") from error
    if not isinstance(getattr(engine, "name", None), str) or not callable(getattr(engine, "run", None)):
        raise InputError(f"engine {name!r} cannot be used: {known.points[name].value} makes no engine")
    return engine


def load_reporter(name: str) -> Any:
    """The function that writes reports.

    Args:
        name: `build` (files) or `show` (files, and tables on the terminal).

    Returns:
        The function.

    Raises:
        InputError: No package that writes reports is installed.

    Example:
        >>> load_reporter("build").__name__
        'build_report'
    """
    known = registered("reporter", REPORTER_GROUP)
    if name not in known.points:
        raise InputError("no package that writes reports is installed; install vfsrbench again")
    return known.load(name)
