"""A bare name is never a path: what lies in the current folder replaces nothing that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from degradations.recipe import load_recipe
from tests.vfsrbench.boards import board_file, data_set, method_folder, small_board
from vfsrbench.board import PublishedUse
from vfsrbench.cli import main
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import find_board
from vfsrbench.results.frame_table import load_results

BLACK = "out = out * 0"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a foreign method `bicubic`, and things called like shipped ones."""
    monkeypatch.chdir(tmp_path)
    method_folder(tmp_path, "bicubic", BLACK)
    method_folder(tmp_path, "mymethod", BLACK)
    data = data_set(tmp_path / "clips", ["one"], frames=3)
    for name in ("demo", "vfhq-mild", "bi-x4", "psnr", "folder", "vfhq-test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.toml").write_text("not a card")
    board_file(tmp_path / "small.toml", small_board(data, ["bicubic"], splits=["bi-x4"], metrics=["psnr"]))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main.run(list(arguments)) == code
    spoken = capsys.readouterr()
    return spoken.out if code == 0 else spoken.err.strip().splitlines()[-1]


def restored(folder: Path) -> np.ndarray:
    return Clip.open(folder / "one").read(0, 3)


def test_run_takes_the_shipped_method(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    said(capsys, "run", "./small.toml", "-w", "w", "--engine", "serial", "--no-report")
    _, records, _ = load_results([Path("w/results")])
    assert [(r.method_title, r.status) for r in records] == [("Bicubic (OpenCV)", "ok")]


@pytest.mark.parametrize("option", [["--method", "./bicubic"], ["--method-path", "bicubic"]])
def test_run_takes_the_folder_that_a_path_names(
    capsys: pytest.CaptureFixture[str], here: Path, option: list[str]
) -> None:
    board = small_board(here / "clips", ["nearest"], splits=["bi-x4"], metrics=["psnr"])
    board_file(here / "small.toml", board)
    said(capsys, "run", "./small.toml", "-w", "w", "--engine", "serial", "--no-report", *option)
    _, records, _ = load_results([Path("w/results")])
    assert {r.method_title for r in records} == {"bicubic", "Nearest neighbour"}


def test_check_takes_the_shipped_method(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    assert "from predictor:" in said(capsys, "check", "bicubic") or "baselines" in said(
        capsys, "check", "bicubic"
    )
    assert "from code:Method" in said(capsys, "check", "./bicubic")
    assert "from code:Method" in said(capsys, "check", "--method-path", "bicubic")


def test_restore_takes_the_shipped_method(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    said(capsys, "restore", "clips", "a", "--method", "bicubic", "--scale", "2")
    assert restored(here / "a").any(), "the folder's method makes black frames"
    for number, option in enumerate((["--method", "./bicubic"], ["--method-path", "bicubic"])):
        said(capsys, "restore", "clips", f"b{number}", *option, "--scale", "2")
        assert not restored(here / f"b{number}").any()


def test_boards_recipes_and_layouts_are_the_shipped_ones(here: Path) -> None:
    assert find_board("demo").title == "Demo" or find_board("demo").dataset.layout == "demo"
    assert load_recipe("vfhq-mild").status == "official"
    for name in ("demo.toml", "vfhq-mild.toml"):
        (here / name).write_text("not TOML")
    for name in ("demo", "vfhq-mild"):
        (here / name / "card.toml").unlink()
        (here / name).rmdir()
        (here / name).write_text("not TOML")
    assert find_board("demo").dataset.layout == "demo"
    assert load_recipe("vfhq-mild").status == "official"


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "mymethod"],
        ["run", "demo", "--method", "mymethod", "-w", "w"],
        ["demo", "--method", "mymethod", "-w", "w"],
        ["restore", "clips", "o", "--method", "mymethod"],
    ],
)
def test_an_unknown_name_that_lies_here_is_told_how_to_write_it(
    capsys: pytest.CaptureFixture[str], here: Path, arguments: list[str]
) -> None:
    line = said(capsys, *arguments, code=2)
    assert "unknown method 'mymethod'" in line
    assert "for the folder of that name in the current folder, write ./mymethod" in line


@pytest.mark.parametrize(
    ("find", "name"),
    [(find_board, "small.toml"), (load_recipe, "small.toml")],
)
def test_files_that_lie_here_are_told_how_to_write_them(
    here: Path, find: Callable[[str], object], name: str
) -> None:
    with pytest.raises(InputError, match=f"for the file of that name in the current folder, write ./{name}"):
        find(name)


def test_a_path_may_begin_in_any_of_these_ways(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    inside = here / "clips"
    monkeypatch.chdir(inside)
    for spec in ("../mymethod", str(here / "mymethod"), "~/mymethod", "../clips/../mymethod"):
        assert choose_method(spec).entry.folder == here / "mymethod"
    assert find_board("~/small.toml").name == "small"


def test_a_folder_with_brackets_in_its_name_is_a_path(here: Path) -> None:
    method_folder(here / "runs[3]", "mine")
    assert choose_method("./runs[3]/mine").card.name == "mine"


def test_one_method_is_named_one_way(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    for verb in (["check"], ["restore", "clips", "o"]):
        assert "say which method" in said(capsys, *verb, code=2)
    assert "say which method" in said(capsys, "check", "bicubic", "--method-path", "bicubic", code=2)


def test_published_figures_are_the_shipped_ones(here: Path) -> None:
    from reports.tables.published import figures_of

    (here / "keep.csv").write_text("not figures")
    shipped = figures_of([PublishedUse(file="keep.csv")])
    assert shipped is not None and shipped.tables[0].figures
    with pytest.raises(InputError, match="the columns must be"):
        figures_of([PublishedUse(file="./keep.csv")])


def test_a_file_is_found_without_its_suffix(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    """Boards are called by their names everywhere else."""
    for line in (["run", "small", "-w", "w"], ["report", "small", "-w", "w"]):
        assert said(capsys, *line, code=2).endswith("in the current folder, write ./small.toml")
    (here / "mine.toml").write_text('name = "mine"')
    line = ["degrade", "o", "--split", "mine", "--dataset", "clips"]
    assert said(capsys, *line, code=2).endswith("write ./mine.toml")
