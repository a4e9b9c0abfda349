"""`vfsrbench report` on the command line: what it writes, what it prints, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.reports import synthetic
from vfsrbench.cli import main
from vfsrbench.plugins import board_files

BOARD = """\
name = "synthetic"
title = "Synthetic board"
version = 1
splits = ["vfhq-mild", "vfhq-heavy"]
methods = ["bicubic", "nearest", "lanczos", "oracle"]
metrics = ["psnr", "ssim"]
versus = "bicubic"
[dataset]
layout = "demo"
[figures]
curves = ["psnr"]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("w")
    synthetic.write_board(place / "results")
    synthetic.write_strips(place)
    (place / "board.toml").write_text(BOARD)
    return place


def fails(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which a wrong command ends, exit code 2."""
    assert main.run([str(a) for a in arguments]) == 2
    said = capsys.readouterr()
    assert not said.out and "Traceback" not in said.err
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("vfsrbench: ")
    return line


def test_the_site_and_every_form_of_the_table(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site of mine"
    command = ["report", workspace / "board.toml", "-w", workspace, "--html", out, "--pdf"]
    assert main.run([str(a) for a in command]) == 0
    said = capsys.readouterr()
    assert "Synthetic board: vfhq-mild" in said.out and str(out / "index.html") in said.err
    for split in ("vfhq-mild", "vfhq-heavy"):
        for kind in ("csv", "json", "md", "tex", "html"):
            assert (out / "tables" / f"{split}.{kind}").stat().st_size > 100, (split, kind)
        assert (out / "tables" / f"{split}-wins.csv").read_text().startswith("split,metric,method")
        assert (out / "figures" / f"curves-{split}-psnr.pdf").read_bytes().startswith(b"%PDF")
        assert len(list((out / "clips" / split).glob("*.html"))) == 3
    for page in ("index.html", "worst.html", "provenance.html", "assets/style.css", "leaderboard.md"):
        assert (out / page).is_file(), page
    frame = pd.read_csv(out / "leaderboard.csv").set_index(["split", "method"])
    expected = [synthetic.frame_values("lanczos", "vfhq-mild", c, 12)["psnr"].mean() for c in synthetic.CLIPS]
    assert frame.loc[("vfhq-mild", "lanczos"), "psnr"] == pytest.approx(sum(expected) / 3)
    assert frame.loc[("vfhq-mild", "lanczos"), "psnr_wins"] in {0, 1 / 3, 2 / 3, 1}
    (mild, _) = json.loads((out / "leaderboard.json").read_text())
    assert {r["method"] for r in mild["rows"]} == set(synthetic.LEVEL)


def test_versus_partial_and_chosen_results(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for clip in synthetic.CLIPS:
        synthetic.write_result(tmp_path / "some", "lanczos", "vfhq-mild", clip)
    synthetic.write_result(tmp_path / "some", "nearest", "vfhq-mild", "calm")
    common = [
        "report",
        str(workspace / "board.toml"),
        "-w",
        str(workspace),
        "--results",
        str(tmp_path / "some"),
    ]
    assert main.run([*common, "--out", str(tmp_path / "a"), "--versus", "lanczos"]) == 0
    text = capsys.readouterr().out
    assert "1 of 3" in text and "vfhq-heavy" not in text and "Bicubic" not in text
    frame = pd.read_csv(tmp_path / "a" / "leaderboard.csv").set_index("method")
    assert pd.isna(frame.loc["nearest", "psnr"]) and frame.loc["nearest", "clips"] == 1
    assert "psnr_t" in frame, "tested against the chosen method"
    assert main.run([*common, "--out", str(tmp_path / "b"), "--partial"]) == 0
    own = synthetic.frame_values("nearest", "vfhq-mild", "calm", 12)["psnr"].mean()
    assert f"{own:.3f} (1 of 3)" in " ".join(capsys.readouterr().out.split())


def test_mistakes_end_with_one_line(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = workspace / "board.toml"
    assert "did you mean 'keep-table1'" in fails(capsys, "report", "keep-tabel1")
    assert "no such board file" in fails(capsys, "report", tmp_path / "none.toml")
    assert "makes them" in fails(capsys, "report", board, "-w", tmp_path / "none", "--html", tmp_path / "o")
    (tmp_path / "empty" / "results").mkdir(parents=True)
    assert "no results for its splits" in fails(capsys, "report", board, "-w", tmp_path / "empty")
    assert "nowhere" in fails(capsys, "report", board, "--results", tmp_path / "nowhere")
    wrong = ["report", board, "-w", workspace, "--versus", "bicubik"]
    assert "did you mean 'bicubic'" in fails(capsys, *wrong)
    file = tmp_path / "file"
    file.write_text("in the way")
    assert str(file) in fails(capsys, "report", board, "-w", workspace, "--html", file)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "name", [n for n, path in board_files().items() if "[published]" in path.read_text()]
)
def test_a_papers_board_without_results_shows_the_papers_figures(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main.run(["report", name, "-w", str(tmp_path / "none"), "--html", str(out)]) == 0
    said = capsys.readouterr()
    assert "published figures only" in " ".join(said.out.split())
    assert 'class="published"' in (out / "index.html").read_text()
