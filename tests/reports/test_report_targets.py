"""Where a report may go: beside somebody's files, never over them, and never into what it reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reports import synthetic
from vfsrbench.cli import main
from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_directory
from vfsrbench.io.safety.ownership import NOTE, check_replaceable

BOARD = """\
name = "synthetic"
title = "Synthetic board"
version = 1
splits = ["vfhq-mild"]
methods = ["bicubic", "nearest"]
metrics = ["psnr"]
[dataset]
layout = "demo"
[figures]
curves = ["psnr"]
"""


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a workspace `w` of results."""
    synthetic.write_board(tmp_path / "w" / "results")
    (tmp_path / "board.toml").write_text(BOARD)
    (tmp_path / "data" / "clip").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(*more: str) -> int:
    return main.run(["report", "./board.toml", "-w", "w", *more])


def refused(capsys: pytest.CaptureFixture[str], here: Path, *more: str) -> str:
    """The line of a report that is not written: exit code 2, all files as they were."""
    before = contents(here)
    assert report(*more) == 2
    assert contents(here) == before
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("vfsrbench: ")
    return line


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["index.html", "assets/style.css", "figures/mine.png", "media/film.mp4"])
def test_a_folder_with_somebodys_files_of_our_names_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (here / "public" / name).parent.mkdir(parents=True)
    (here / "public" / name).write_text("mine")
    line = refused(capsys, here, "--html", "public")
    assert repr(name.partition("/")[0]) in line and "choose another folder" in line


def test_other_files_stay_and_the_report_is_renewed_without_ceremony(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "public").mkdir()
    (here / "public" / "CNAME").write_text("mine")
    assert report("--html", "public") == 0
    (here / "public" / "figures" / "mine.png").write_text("mine")
    first = contents(here / "public")
    (here / "public" / "index.html").unlink()  # killed half way
    with (here / "public" / NOTE).open("a") as note:
        note.write('{"file": "worst')
    assert report("--html", "public") == 0
    again = contents(here / "public")
    assert {p: c for p, c in again.items() if p.name != NOTE} == {
        p: c for p, c in first.items() if p.name != NOTE
    }
    assert again[here / "public" / "CNAME"] == again[here / "public" / "figures" / "mine.png"] == b"mine"


@pytest.mark.parametrize("name", ["index.html", "leaderboard.csv", "tables/vfhq-mild.tex"])
def test_a_page_that_somebody_has_changed_is_somebodys(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert report("--out", "public") == 0
    (here / "public" / name).write_text("mine")
    assert f"public/{name}: is there already, and was changed" in refused(capsys, here, "--out", "public")


@pytest.mark.parametrize(
    "out", [".", "w", "w/results", "w/results/report", "w/restored/x", "data", "data/site", "elsewhere"]
)
def test_a_report_is_no_part_of_what_it_reads(
    here: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    for name in ("restored", "splits"):
        (here / "w" / name).mkdir()
    (here / "elsewhere").symlink_to("w/results")
    line = refused(capsys, here, "--html", out, "--dataset", "data", "--layout", "real")
    assert "input" in line
    assert not (here / "w" / "report").exists()


def test_a_results_folder_elsewhere_is_an_input_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "w" / "results").rename(here / "r")
    assert "lies inside the input r" in refused(capsys, here, "--out", "r/report", "--results", "r")
    (here / "o").mkdir()
    more = ("--results", "r", "--outputs", "x=o")
    assert "lies inside the input o" in refused(capsys, here, "--out", "o/report", *more)


def test_a_figure_appears_whole_or_not_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from matplotlib.figure import Figure

    from reports.figures.style import save

    (saved,) = save(Figure(), here / "curve", ["pdf"])
    before = saved.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:4])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(InputError, match=r"curve\.pdf: cannot be written: No space left"):
            save(Figure(), here / "curve", ["pdf"])
    assert saved.read_bytes() == before
    assert sorted(p.name for p in here.iterdir()) == [NOTE, "board.toml", "curve.pdf", "data", "w"]


def plot(file: str, *more: str) -> int:
    return main.run(["plot", "curves", "w", "--board", "./board.toml", "--metric", "psnr", "-o", file, *more])


def test_a_figure_is_noted_where_it_lies(here: Path) -> None:
    assert plot("above.png") == 0  # the folder above now carries a note, as /tmp may of anybody
    before = (here / NOTE).read_bytes()
    assert plot("deep/er/curve.png") == plot("deep/er/curve.png") == 0
    assert (here / NOTE).read_bytes() == before
    assert sorted(p.name for p in (here / "deep").rglob("*")) == [NOTE, "curve.png", "er"]
    (here / "deep").rename(here / "moved")
    assert plot("moved/er/curve.png") == 0, "the note went with it"


def test_a_figure_of_a_report_may_be_drawn_again(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report("--html", "public") == 0
    assert list((here / "public").rglob(NOTE)) == [here / "public" / NOTE]
    figure = next((here / "public" / "figures").glob("*.png"))
    assert plot(str(figure.relative_to(here))) == 0
    assert list((here / "public").rglob(NOTE)) == [here / "public" / NOTE]
    assert report("--html", "public") == 0
    figure.write_bytes(b"mine")
    capsys.readouterr()
    assert plot(str(figure.relative_to(here))) == 2
    assert "was changed since vfsrbench made it" in capsys.readouterr().err


def test_a_note_that_cannot_be_written_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "p" / NOTE).mkdir(parents=True)
    assert plot("p/curve.png") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"p/curve.png: the note of our files, p/{NOTE}, cannot be written" in line
    assert [p.name for p in (here / "p").iterdir()] == [NOTE]


def test_a_figure_put_where_one_of_a_report_was_missing_is_renewed(here: Path) -> None:
    assert report("--html", "public") == 0
    figure = next((here / "public" / "figures").glob("*.png"))
    drawn, place = figure.read_bytes(), str(figure.relative_to(here))
    for _ in range(2):
        figure.unlink()
        assert plot(place, "--clip", "calm") == 0 and figure.read_bytes() != drawn
        assert report("--html", "public") == 0 and figure.read_bytes() == drawn
    assert list((here / "public").rglob(NOTE)) == [here / "public" / NOTE]
    # a report that was killed before it took its place has named nothing yet
    (here / "new").mkdir()
    (here / "new" / NOTE).write_bytes((here / "public" / NOTE).read_bytes().splitlines(keepends=True)[0])
    assert plot(f"new/figures/{figure.name}", "--clip", "calm") == 0
    assert report("--html", "new") == 0 and (here / "new" / "figures" / figure.name).read_bytes() == drawn
    assert plot(f"new/figures/{figure.name}") == plot(f"new/figures/{figure.name}") == 0


def test_a_damaged_line_further_up_still_vouches_for_a_figure(here: Path) -> None:
    assert report("--html", "public") == 0
    figure = next((here / "public" / "figures").glob("*.png"))
    note = here / "public" / NOTE
    note.write_text(note.read_text().replace(f'"figures/{figure.name}"', f'"figurez/{figure.name}"'))
    assert plot(str(figure.relative_to(here))) == 0


def test_a_pipe_that_is_called_like_a_note_is_not_waited_for(here: Path) -> None:
    (here / "f").mkdir()
    os.mkfifo(here / "f" / NOTE)
    (here / "f" / "s").mkdir()
    (here / "f" / "s" / "curve.png").write_text("mine")
    assert plot("f/s/curve.png") == 2 and plot("f/s/other.png") == 0
    assert (here / "f" / "s" / "curve.png").read_text() == "mine"


def test_figures_in_a_folder_of_ours_are_told_of_before_it_is_replaced(here: Path) -> None:
    with atomic_directory(here / "made") as folder:
        (folder / "a.png").write_bytes(b"a")
    assert plot("made/sub/curve.png") == 0
    with pytest.raises(
        InputError, match=r"made: holds figures or tables that vfsrbench put into 'sub'; move"
    ):
        check_replaceable(here / "made")
