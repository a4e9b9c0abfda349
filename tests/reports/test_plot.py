"""`vfsrbench plot`: one figure alone, of what was asked for, or one line that says what there is instead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import typer.main
from PIL import Image

from reports.cli.plot import app
from reports.figures import style
from reports.plot import Wanted, noted_board, plot
from tests.reports import synthetic
from vfsrbench.board import Board, DatasetUse
from vfsrbench.cli.main import run
from vfsrbench.errors import InputError
from vfsrbench.io.safety.sealed import write_note
from vfsrbench.results.board_note import Protocol, TableRules
from vfsrbench.results.workspace import Workspace


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return synthetic.board(dataset={"layout": "folder", "path": str(tmp_path_factory.mktemp("data"))})


@pytest.fixture(scope="module")
def workspace(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("w")
    synthetic.write_board(place / "results")
    for clip in synthetic.CLIPS:
        synthetic.write_result(place / "results", "mine", "vfhq-mild", clip)
    synthetic.write_strips(place)
    synthetic.write_frames(place, Path(str(board.dataset.path)))
    return place


def pixels_of(path: Path, colour: str) -> int:
    """How many pixels of a figure have this colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    found = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.abs(found - wanted).max(axis=-1) < 6).sum())


def fails(wanted: Wanted, workspace: Path, board: Board, out: Path | None = None) -> str:
    with pytest.raises(InputError) as error:
        plot(wanted, workspace, out, board)
    return str(error.value)


def test_curves_show_the_methods_that_are_asked_for_and_no_others(
    workspace: Path, board: Board, tmp_path: Path
) -> None:
    wanted = Wanted("curves", ["calm"], ["SSIM"], ["nearest", "lanczos"], ["vfhq-heavy"])
    made = plot(wanted, workspace, tmp_path / "figures" / "c.png", board)
    assert made.path == tmp_path / "figures" / "c.png"
    assert made.caption == "SSIM of each frame of calm; vfhq-heavy."
    looks = style.looks(["nearest", "lanczos", "bicubic"])
    assert min(pixels_of(made.path, looks[m].colour) for m in ("nearest", "lanczos")) > 100
    assert pixels_of(made.path, looks["bicubic"].colour) == 0
    three = plot(Wanted("curves", metrics=["ssim"]), workspace, tmp_path / "all.png", board)
    assert Image.open(three.path).width > 1.3 * Image.open(made.path).width, "three panels"


def test_the_users_own_method_stands_out_unless_another_is_named(
    workspace: Path, board: Board, tmp_path: Path
) -> None:
    looks = style.looks([*synthetic.LEVEL, "mine"], ["oracle"], ["mine"])
    assert looks["mine"].ink == looks["mine"].colour and looks["bicubic"].ink != looks["bicubic"].colour
    kept = {}
    for name, names in {"mine": (), "bicubic": ("bicubic",), "": ("none",)}.items():
        wanted = Wanted("curves", ["calm"], ["psnr"], highlight=names)
        path = plot(wanted, workspace, tmp_path / f"a{name}.png", board).path
        kept[name] = {m: pixels_of(path, looks[m].colour) for m in ("mine", "bicubic")}
    assert kept["mine"]["bicubic"] == 0 and kept["bicubic"]["mine"] == 0, "the others are muted"
    assert kept["mine"]["mine"] > 1.5 * kept[""]["mine"] > 0, "thicker"


@pytest.mark.slow
def test_slices_frame_what_stands_out(workspace: Path, board: Board, tmp_path: Path) -> None:
    colour = style.looks(["bicubic"])["bicubic"].colour
    counts = []
    for name in ("bicubic", "nearest"):
        wanted = Wanted("slices", ["talking"], highlight=[name])
        made = plot(wanted, workspace, tmp_path / f"{name}.png", board)
        counts.append(pixels_of(made.path, colour))
    assert counts[0] > 1000 and counts[1] == 0
    assert (
        made.caption.startswith("Column ") and "(where most moves) of every frame of talking" in made.caption
    )


@pytest.mark.slow
def test_a_grid_has_the_clips_that_are_asked_for(workspace: Path, board: Board, tmp_path: Path) -> None:
    two = plot(Wanted("grid", methods=["lanczos", "nearest"]), workspace, tmp_path / "two.png", board)
    one = plot(Wanted("grid", ["fast"], methods=["lanczos"]), workspace, tmp_path / "one.png", board)
    sizes = [Image.open(made.path).size for made in (two, one)]
    assert sizes[0][1] > 1.8 * sizes[1][1] and sizes[0][0] > sizes[1][0]
    assert one.caption.startswith("Middle frames of fast, ") and one.skipped == ()


@pytest.mark.slow
def test_levels_over_some_clips_have_other_means(workspace: Path, board: Board, tmp_path: Path) -> None:
    every = plot(Wanted("levels", metrics=["psnr"]), workspace, tmp_path / "a.png", board)
    some = plot(
        Wanted("levels", ["fast"], ["psnr"], highlight=["lanczos"]), workspace, tmp_path / "b.png", board
    )
    assert Image.open(every.path).convert("L").tobytes() != Image.open(some.path).convert("L").tobytes()
    colour = {m: style.looks([m])[m].colour for m in ("lanczos", "bicubic")}
    assert pixels_of(some.path, colour["lanczos"]) > 300 and pixels_of(some.path, colour["bicubic"]) == 0
    assert some.caption.endswith("over fast.") and some.skipped == ()


@pytest.mark.slow
def test_without_a_name_the_figure_is_called_by_what_it_shows(
    workspace: Path, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert plot(Wanted("slices", ["fast"]), workspace, None, board).path.name == "slices-vfhq-mild-fast.pdf"
    assert (tmp_path / "slices-vfhq-mild-fast.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_not_there_is_named_with_what_is(workspace: Path, board: Board, tmp_path: Path) -> None:
    out = tmp_path / "x.pdf"

    def said(*arguments: object, **named: object) -> str:
        return fails(Wanted(*arguments, **named), workspace, board, out)  # type: ignore[arg-type]

    assert said("curves", ["clam"]) == "unknown clip of these results 'clam': did you mean 'calm'?"
    assert "known: calm, fast, talking" in said("curves", ["zzz"])
    assert "'psnr'" in said("curves", metrics=["psn"])
    assert "there are: ewarp_dis, psnr, ssim" in said("curves", metrics=["lpips_alex"])
    assert "known: bicubic, lanczos, mine, nearest, oracle" in said("curves", methods=["zzz"])
    assert "did you mean 'lanczos'" in said("curves", highlight=["lanczoz"])
    assert "did you mean 'vfhq-mild'" in said("slices", splits=["vfhq-mld"])
    assert "shows one metric, not 2" in said("curves", metrics=["psnr", "ssim"])
    assert "shows one clip, not 2" in said("slices", ["calm", "fast"])
    assert "leave --metric out" in said("grid", metrics=["psnr"])
    assert "need results of two splits" in said("levels", splits=["vfhq-mild"])
    assert not out.exists()


def test_no_file_but_our_own_is_written_over(workspace: Path, board: Board, tmp_path: Path) -> None:
    out, wanted = tmp_path / "fig.png", Wanted("curves", ["calm"], ["psnr"])
    out.write_text("mine")
    assert "vfsrbench did not make it" in fails(wanted, workspace, board, out)
    assert out.read_text() == "mine"
    out.unlink()
    first = plot(wanted, workspace, out, board).path.read_bytes()
    assert plot(wanted, workspace, out, board).path.read_bytes() == first, "our own is drawn again"
    out.write_bytes(first + b"edited")
    assert "was changed since" in fails(wanted, workspace, board, out)
    assert "FILE.pdf or FILE.png" in fails(wanted, workspace, board, tmp_path / "fig.svg")
    (tmp_path / "folder.pdf").mkdir()
    assert "is a folder" in fails(wanted, workspace, board, tmp_path / "folder.pdf")
    assert "lies inside the input" in fails(wanted, workspace, board, workspace / "results" / "x.png")


def test_the_board_is_that_of_the_workspace(workspace: Path, board: Board, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no board was run there"):
        noted_board(tmp_path)
    clips = {c: synthetic.moving_clip(c).digest() for c in synthetic.CLIPS}
    protocol = Protocol("demo", 0, DatasetUse(layout="demo"), {}, clips)
    note = {"board": asdict(TableRules.of(board)), "protocols": [protocol.as_json()]}
    place = Workspace(tmp_path)
    (tmp_path / "results").symlink_to(workspace / "results")
    write_note(place.board_note("synthetic"), "board-1", note)
    assert noted_board(tmp_path).methods == board.methods
    made = plot(Wanted("curves", metrics=["ewarp_dis"]), tmp_path, tmp_path / "c.png")
    assert "calm, fast, talking" in made.caption
    write_note(place.board_note("demo"), "board-1", note)
    with pytest.raises(InputError, match=r"several boards were run there \(demo, synthetic\).*--board"):
        noted_board(tmp_path)
    assert noted_board(tmp_path, "synthetic").methods == board.methods
    assert noted_board(tmp_path, "demo").title == "Demo board"
    figure = str(tmp_path / "by-name.png")
    line = ["plot", "curves", str(tmp_path), "--metric", "ewarp_dis", "-o", figure]
    assert run([*line, "--board", "synthetic"]) == 0, "though no file of it is here"
    assert run([*line, "--board", "synthetik"]) == 2
    place.board_note("synthetic").unlink()
    assert noted_board(tmp_path).title == "Demo board", "as it is installed"


def test_the_verb_takes_lists_and_prints_the_file(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.toml").write_text(
        'name = "b"\ntitle = "B"\nversion = 1\nsplits = ["vfhq-mild"]\nmethods = ["bicubic"]\n'
        'metrics = ["psnr"]\n[dataset]\nlayout = "demo"\n'
    )
    out = tmp_path / "c.pdf"
    options = ["--method", "lanczos,nearest", "--clip", "calm", "-o", str(out)]
    command = typer.main.get_command(app)
    command.main(
        ["curves", str(workspace), "--board", str(tmp_path / "b.toml"), *options], standalone_mode=False
    )
    said = capsys.readouterr()
    assert said.out.strip() == str(out) and "PSNR of each frame of calm" in said.err
    assert out.read_bytes().startswith(b"%PDF")


def test_its_help_loads_neither_torch_nor_matplotlib() -> None:
    script = (
        "import sys, typer.main, reports.cli.plot as p\n"
        "typer.main.get_command(p.app).main(['--help'], standalone_mode=False)\n"
        "print([m for m in ('torch', 'matplotlib', 'numpy', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "curves" in done.stdout and done.stdout.splitlines()[-1] == "[]"
