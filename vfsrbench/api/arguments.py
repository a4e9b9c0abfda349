"""Checks of what callers of the public API give."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

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


def check_seed(seed: int) -> None:
    """InputError unless `seed` is a whole number that runs take."""
    from degradations.reading.limits import MOST_SEED

    check_whole("seed", seed, 0, MOST_SEED)


def check_whole(argument: str, value: object, low: int, high: int) -> None:
    """InputError unless an argument is a whole number between these bounds."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise InputError(f"{argument}: must be a whole number from {low} to {high}, got {value!r:.80}")
