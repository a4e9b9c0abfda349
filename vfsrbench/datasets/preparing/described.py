"""What a board says of its clips, where a user gave it others."""

from __future__ import annotations

from vfsrbench.board import Board, load_board
from vfsrbench.datasets.dataset import dataset_name
from vfsrbench.datasets.layouts import DEMO
from vfsrbench.errors import InputError
from vfsrbench.plugins import board_files


def described(board: Board) -> Board:
    """The board with a title and a description that hold for its clips.

    A shipped board's speak of its own data set: with clips of another layout the title names these, and the
    description says where splits, methods and metrics come from. Those that the user wrote stay.

    Args:
        board: Any board, with the data set that it is run on.
    """
    path = board_files().get(board.name)
    if path is None:
        return board
    try:
        shipped = load_board(path)
    except InputError:
        return board
    if board.dataset.layout == shipped.dataset.layout:
        return board
    clips = dataset_name(board.dataset) or board.dataset.layout
    # what the demo's description says of its rendered clips is not so of any others
    source = "" if shipped.dataset.layout == DEMO else f"Methods and metrics of {shipped.title}; other clips."
    changes = {}
    if board.title == shipped.title:
        changes["title"] = f"Scores on {clips}"
    if board.description == shipped.description:
        changes["description"] = source
    return board.replace(**changes)
