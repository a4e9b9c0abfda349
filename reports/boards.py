"""Finding boards: those that ship in `reports/boards/`, and users' own files."""

from __future__ import annotations

from pathlib import Path

from vfsrbench.board import Board, load_board
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import expanded, is_path, is_there, unknown_name

FOLDER = Path(__file__).parent / "boards"


def board_files() -> dict[str, Path]:
    """The shipped boards by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find_board(name: str) -> Board:
    """The shipped board of that name, or the board in the file of that path (`./my-board.toml`).

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
