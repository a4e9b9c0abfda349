"""Checks of what callers of the public API give."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from vfsrbench.board import Board

StrPath = str | os.PathLike[str]


def chosen_board(board: object) -> Board:
    """The board that an argument stands for: a name, a path (`./my-board.toml`), or a `Board`."""
    from vfsrbench.board import Board
    from vfsrbench.plugins import find_board

    if isinstance(board, Board):
        return board
    if not isinstance(board, str | os.PathLike):
        raise InputError(f"board: give a name, a path or a Board, got {type(board).__name__}")
    return find_board(board if isinstance(board, str) else str(Path(board).absolute()))


def check_run(keep: object, workers: object, methods: object) -> None:
    """InputError unless these are what `run_board` takes."""
    from degradations.reading.limits import MOST_WORKERS
    from vfsrbench.predictor import Predictor
    from vfsrbench.results.job import Keep

    if keep not in get_args(Keep):
        raise InputError(f"keep: must be one of {', '.join(get_args(Keep))}, got {keep!r:.80}")
    if workers is not None:
        check_whole("workers", workers, 1, MOST_WORKERS)
    if not isinstance(methods, list | tuple) or not all(isinstance(m, Predictor) for m in methods):
        raise InputError("methods: give a list of Predictor objects; a board has its methods by name")


def check_seed(seed: int) -> None:
    """InputError unless `seed` is a whole number that runs take."""
    from degradations.reading.limits import MOST_SEED

    check_whole("seed", seed, 0, MOST_SEED)


def check_whole(argument: str, value: object, low: int, high: int) -> None:
    """InputError unless an argument is a whole number between these bounds."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InputError(f"{argument}: must be a whole number from {low} to {high}, got {value!r:.80}")
