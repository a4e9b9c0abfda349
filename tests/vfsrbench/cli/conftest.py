"""A small board for tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, small_board


@pytest.fixture
def board(tmp_path: Path) -> str:
    data = data_set(tmp_path / "data")
    method = method_folder(tmp_path, "m")
    return str(board_file(tmp_path / "board.toml", small_board(data, [method], splits=["bi-x4"])))
