"""Finding boards: those that ship in `reports/boards/`, and users' own files."""

from __future__ import annotations

from pathlib import Path

from vfsrbench.board import Board, load_board
from vfsrbench.errors import InputError, did_you_mean

FOLDER = Path(__file__).parent / "boards"


def board_files() -> dict[str, Path]:
    """The shipped boards by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find_board(name: str) -> Board:
    """The shipped board of that name, or the board in the file of that path.

    InputError names the nearest boards, or what is wrong in the file.
    """
    files = board_files()
    if name in files:
        return load_board(files[name])
    if name.endswith(".toml") or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise InputError(f"{name}: no such board file; `vfsrbench list boards` shows those that ship")
        return load_board(path)
    raise did_you_mean("board", name, files)
