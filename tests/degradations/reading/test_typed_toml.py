"""Every mistake in a TOML file gives one line that names the file, the key and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfsrbench.board import load_board
from vfsrbench.errors import InputError

GOOD = """
name = "mine"
title = "Mine"
version = 1
splits = ["vfhq-mild"]
methods = ["bicubic"]
metrics = ["psnr"]
[dataset]
layout = "demo"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "board.toml"
    path.write_text(text)
    return path


def test_a_good_board_loads(tmp_path: Path) -> None:
    board = load_board(write(tmp_path, GOOD))
    assert (board.name, board.splits, board.seed) == ("mine", ("vfhq-mild",), 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("version = 1", "version = "), "line 4"),
        (GOOD.replace("splits", "split"), "'split', did you mean 'splits'?"),
        (GOOD.replace("layout", "layuot"), "'dataset.layuot', did you mean 'layout'?"),
        (GOOD.replace('title = "Mine"\n', ""), "key 'title' is missing"),
        (GOOD.replace('["psnr"]', "[]"), "key 'metrics'"),
        (GOOD.replace('name = "mine"', 'name = "../x"'), "key 'name'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_board(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_folder_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_board(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is a folder"):
        load_board(tmp_path)
    binary = tmp_path / "b.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_board(binary)
