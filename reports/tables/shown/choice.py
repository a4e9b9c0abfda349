"""Columns, splits, methods and their order, as a board's `[table]` or the command line asks for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from reports.inputs.own_methods import plain_name, standing_out
from reports.tables.published import Published
from vfsrbench.board import Board
from vfsrbench.card import MetricCard
from vfsrbench.errors import did_you_mean
from vfsrbench.results.schema import JobRecord

BY_NAME, AS_BOARD = "name", "board"
"""What `order` may say beside a metric."""
NOBODY = "none"
"""What `highlight` says where no row is to stand out."""


def matching(wanted: str, ids: Iterable[str]) -> list[str]:
    """The metrics of a name in any case, else of a family: `IDS` stands for all `ids_*`.

    Example:
        >>> matching("IDS", ["psnr", "ids_dlib", "sigma_ids_dlib"])
        ['ids_dlib']
    """
    name = wanted.casefold()
    known = list(ids)
    return [m for m in known if m.casefold() == name] or [m for m in known if m.startswith(f"{name}_")]


def metrics_named(wanted: Sequence[str], ids: Sequence[str], what: str) -> tuple[str, ...]:
    """All metrics of these names, in their order. InputError for a name that none of `ids` has."""
    found: dict[str, None] = {}
    for name in wanted:
        metrics = matching(name, ids)
        if not metrics:
            raise did_you_mean(what, name, ids)
        found |= dict.fromkeys(metrics)
    return tuple(found)


def shown_board(board: Board, cards: Mapping[str, MetricCard]) -> Board:
    """The board narrowed to what its `[table]` shows: columns, splits, the metric that orders the rows.

    Raises:
        InputError: The board has no such metric or split, or no board is sorted by that metric.
    """
    style = board.table
    changes: dict[str, object] = {}
    if style.columns:
        columns = metrics_named(style.columns, board.metrics, "column of this table")
        changes |= {"metrics": columns, "figures": board.figures.of(columns)}
    if style.splits:
        for split in style.splits:
            if split not in board.splits:
                raise did_you_mean(f"split of board {board.name!r}", split, board.splits)
        changes["splits"] = tuple(dict.fromkeys(style.splits))
    if style.order in (BY_NAME, AS_BOARD) or (style.order is None and style.methods):
        changes["sort_by"] = None
    elif style.order is not None:
        known = (*board.metrics, BY_NAME, AS_BOARD)
        changes["sort_by"] = metrics_named([style.order], known, "order")[0]
    for metric in style.digits if isinstance(style.digits, dict) else ():
        metrics_named([metric], board.metrics, "metric with digits")
    chosen = board.replace(**changes)
    chosen.check_order(cards)
    return chosen


def digits_of(board: Board, metric: str, usual: int) -> int:
    """Decimals of a column."""
    digits = board.table.digits
    if isinstance(digits, dict):
        exact = [name for name in digits if name == metric]
        family = [name for name in digits if matching(name, [metric])]
        return next((digits[name] for name in (*exact, *family)), usual)
    return usual if digits is None else digits


def is_named(method: str, names: Iterable[str]) -> bool:
    """Whether a method, or its name without options or place, is among the names."""
    return not {method, method.partition(" @ ")[0], plain_name(method)}.isdisjoint(names)


def highlighted(
    board: Board, records: Iterable[JobRecord], reference_rows: Collection[str]
) -> frozenset[str]:
    """The methods that stand out in tables and figures: those that the board names, else the user's own."""
    named = board.table.highlight
    if not named:
        return standing_out(records, reference_rows)
    return frozenset(r.method for r in records if is_named(r.method, named))


def shown_methods(board: Board, methods: Sequence[str], beside: Collection[str] = ()) -> list[str]:
    """The methods that the board's `[table]` shows, in its order where it names them; those `beside`
    metrics, as reference rows, stay."""
    wanted = board.table.methods
    if not wanted:
        return list(methods)
    stay = [m for m in methods if m in beside and not is_named(m, wanted)]
    return _named_methods(board, methods) + stay


def _named_methods(board: Board, methods: Sequence[str]) -> list[str]:
    wanted = board.table.methods
    named = {m: name for name in reversed(wanted) for m in methods if is_named(m, [name])}
    if board.table.order is not None:
        return [m for m in methods if m in named]
    return sorted(named, key=lambda m: (wanted.index(named[m]), methods.index(m)))


def check_methods(board: Board, known: Iterable[str]) -> None:
    """InputError for a method to be shown or highlighted that neither the board nor any result has."""
    methods = list(dict.fromkeys((*known, *board.methods)))
    for name in (*board.table.methods, *board.table.highlight):
        if name != NOBODY and not any(is_named(method, [name]) for method in methods):
            raise did_you_mean("method of this table", name, methods)


def shown_papers(published: Published | None, board: Board) -> Published | None:
    """Papers' figures of the methods that are shown."""
    wanted = board.table.methods
    if published is None or not wanted:
        return published
    return published.only(lambda name: is_named(name, {w.partition("[")[0] for w in wanted}))
