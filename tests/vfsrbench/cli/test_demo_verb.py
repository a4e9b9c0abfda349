"""`vfsrbench demo`: one site, whatever of trained networks and photographs is here."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from tests.vfsrbench.boards import run_with
from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench.board import Board, load_board
from vfsrbench.cli import main, options
from vfsrbench.datasets.demo import portrait
from vfsrbench.plugins import board_files


def small(**changes: object) -> Board:
    """The demo board with few jobs."""
    board = load_board(board_files()["demo"])
    facts: dict[str, object] = {
        "splits": ["vfhq-mild", "vfhq-heavy"],
        "methods": ["bicubic", "realesrgan"],
        "dataset": board.dataset.replace(clips=["demo-talking", "hopper-talking"], frames=1),
        "metrics": ["psnr", "idd_dlib"],
        "figures": board.figures.of(("psnr", "idd_dlib")),
    }
    return board.replace(**{**facts, **changes})


@pytest.fixture
def without_hopper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a matplotlib that does not bring the portrait, and nothing rendered yet."""
    gone = dataclasses.replace(portrait.PEOPLE["hopper"], path="mpl-data/sample_data/gone.jpg")
    monkeypatch.setitem(portrait.PEOPLE, "hopper", gone)
    monkeypatch.setenv("VFSRBENCH_CACHE", str(tmp_path / "cache"))


def test_without_dlib_weights_and_a_portrait_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without_hopper: None
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setitem(sys.modules, "dlib", None)  # as if it were not installed
    board = small()
    monkeypatch.setattr(options, "find_board", lambda name: board)
    place = tmp_path / "w"
    assert main.run(["demo", "-w", str(place), "--engine", "serial"]) == 0, "what lacks weights is no failure"
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("hopper-talking is left out: ")]
    assert "is not in this release of matplotlib" in line and "install another" in line
    assert "a library is missing; get it with: pip install 'vfsrbench[identity]'" in said.err
    assert "weights are missing; get them with: vfsrbench weights fetch --board demo" in said.err
    assert "realesrgan, vfhq-mild, demo-talking and 1 more job: skipped: weights" in said.err
    assert "2 ok, 2 skipped" in said.err
    assert re.search(r"^time of all workers: .*report \d+ s$", said.err, re.MULTILINE), "where the time goes"
    assert re.search(r"Bicubic \(OpenCV\) +\d\d\.\d+ +n/a", said.out), said.out
    assert "not run: realesrgan (weights: `vfsrbench weights fetch --board demo`)" in said.out
    site = place / "report" / "demo"
    assert (site / "provenance.html").is_file() and any((site / "media").rglob("*.mp4")), "frames are kept"
    assert [path.name for path in (place / "report").iterdir() if not path.name.startswith(".")] == ["demo"]


def test_a_run_records_why_a_portraits_clips_are_missing(tmp_path: Path, without_hopper: None) -> None:
    summary = run_with(small(methods=["bicubic"], metrics=["psnr"], splits=["vfhq-mild"]), tmp_path / "w")
    ended = {job.clip: (record.status, record.reason) for job, record in summary.records.items()}
    assert ended["demo-talking"] == ("ok", "") and ended["hopper-talking"][0] == "failed"
    assert "is not in this release of matplotlib" in ended["hopper-talking"][1]


def test_the_figures_come_in_the_order_of_the_story(tmp_path: Path) -> None:
    if lacking():
        pytest.skip(lacking())
    from reports import build_report

    board = small(
        methods=["bicubic", "nearest"],
        metrics=["psnr", "idd_dlib", "ssim_vt"],
        dataset={"layout": "demo", "clips": ["hopper-talking"], "frames": 3},
        figures=load_board(board_files()["demo"]).figures,
    )
    run_with(board, tmp_path / "w")
    made = build_report(board, tmp_path / "w", tmp_path / "out", formats=["png"], site=True)
    page = made.index.read_text()
    kinds = [name.partition("-")[0] for name in re.findall(r'src="figures/([^".]+)\.png"', page)]
    assert kinds == ["jump", "slices", "jump", "slices", "levels"], kinds
    clip = (tmp_path / "out" / "clips" / "vfhq-mild" / "hopper-talking.html").read_text()
    assert re.findall(r'"threshold": (\{[^}]*\})', clip) == ['{"beyond": "another person", "value": 0.6}'], (
        "the site's chart of identity over time has the line, the others have none"
    )
