"""A board that orders, compares or draws by what it does not have is refused before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest

import vfsrbench as vb
from tests.vfsrbench.boards import method_folder
from vfsrbench.errors import InputError
from vfsrbench.plugins import board_files, find_board

TEXT = """name = "small"
title = "Small"
version = 1
splits = ["bi-x4"]
methods = ["bicubic", "keep[max_length=10]"]
metrics = ["psnr", "ewarp_dis"]
versus = "keep"
sort_by = "psnr"
[dataset]
layout = "demo"
fit = "crop8"
[figures]
curves = ["psnr"]
"""
WRONG = {
    ('"keep"', '"bicubi"'): "method of board 'small' under versus 'bicubi': did you mean 'bicubic'",
    ('sort_by = "psnr"', 'sort_by = "ssim"'): "under sort_by 'ssim': known: ewarp_dis, psnr",
    ('curves = ["psnr"]', 'levels = ["psnr", "pnsr"]'): "under figures.levels 'pnsr': did you mean 'psnr'",
    ("crop8", "corp"): "key 'dataset.fit': 'corp' is none; use alone, refuse, crop, or cropN such as crop8",
    ('"small"', '"my board"'): "key 'name': 'my board' is none; use letters, digits and . _ + -",
}


@pytest.mark.parametrize("change", WRONG)
def test_what_a_board_lacks_is_told_when_it_is_read(tmp_path: Path, change: tuple[str, str]) -> None:
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    assert find_board(str(path)).versus == "keep"
    path.write_text(TEXT.replace(*change))
    with pytest.raises(InputError) as error:
        find_board(str(path))
    assert WRONG[change] in str(error.value)


def test_what_stands_in_folders_and_ships_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(TEXT.replace("keep[max_length=10]", "./mine"))
    assert find_board(str(path)).versus == "keep", "the name on the folder's card may be that"
    for name in ("keep", "other"):
        folder = method_folder(tmp_path / name, name)
        path.write_text(TEXT.replace("keep[max_length=10]", folder))
        if name == "keep":
            assert find_board(str(path)).versus == "keep"
            continue
        with pytest.raises(InputError, match="under versus 'keep'"):
            find_board(str(path))
    for name in board_files():
        vb.boards()[name].check_names()
