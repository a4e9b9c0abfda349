"""Bundles of boards of every kind hold, and are scored and restored again: aligned, cropped, outputs of
others, no ground truth."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import vfsrbench as vb
from reports import Auditor, check_bundle, write_bundle
from tests.reports.sharing import labs
from vfsrbench.board import Board
from vfsrbench.io.clip import write_png_folder
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.run import run_board

NAMES = [f"{t:04d}" for t in range(labs.FRAMES)]


def aligned(place: Path) -> Board:
    demo = {"layout": "demo", "clips": ["demo-calm"], "frames": 2, "align": True}
    how = {"splits": ["vfhq-mild"], "methods": ["bicubic", "oracle"], "metrics": ["psnr", "ewarp_dis"]}
    return vb.boards()["demo"].replace(dataset=demo, **how, versus=None, sort_by=None, restrict={})


def cropped(place: Path) -> Board:
    for name in ("a", "b"):
        write_png_folder(place / "odd" / name, labs.clip(name).array()[:, :45, :46], NAMES)
    use = {"layout": "folder", "path": str(place / "odd"), "fit": "crop"}
    return labs.board(place).replace(dataset=use)


def without_truth(place: Path) -> Board:
    for name in ("a", "b"):
        write_png_folder(place / "real" / name, labs.clip(name).array()[:, ::2, ::2], NAMES)
    use = {"layout": "real", "path": str(place / "real"), "scale": 2}
    how = {"splits": ["lq"], "methods": ["bicubic", "nearest"], "metrics": ["niqe"]}
    return labs.board(place).replace(dataset=use, **how, sort_by=None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [aligned, cropped, without_truth], ids=lambda kind: kind.__name__)
def test_all_kinds(kind: Callable[[Path], Board], tmp_path: Path) -> None:
    board, workspace = kind(tmp_path), tmp_path / "workspace"
    run_board(board, workspace, Options(keep="png"), engine="serial")
    (split,) = board.splits
    others = tmp_path / "others"
    shutil.copytree(workspace / "restored" / split / "bicubic", others)
    scored_only = board.replace(methods=["bicubic"])
    run_board(scored_only, workspace, Options(outputs={"mine": others}), engine="serial")
    made = write_bundle(board, workspace, tmp_path / "a.vfsr.zip", with_frames=1, outputs={"mine": others})
    assert made.without == ("card of the method 'mine': it is not installed here",)
    path = None if board.dataset.path is None else Path(board.dataset.path)
    again = check_bundle(made.path, Auditor(dataset=path, restore=True, count=1))
    assert again.ok, again
    own = {row.method: row.verdict for row in again.rows if not row.method.startswith("input")}
    assert {m: v for m, v in own.items() if m in board.methods} == dict.fromkeys(board.methods, "re-run here")
    assert own["mine"] == "re-scored here", "its frames are in the bundle"
    scored = check_bundle(made.path, Auditor(dataset=path, outputs={"": workspace, "mine": others}, count=1))
    verdicts = {row.method: row.verdict for row in scored.rows}
    assert scored.ok and verdicts["mine"] == verdicts["bicubic"] == "re-scored here"
    assert all(d.largest == 0 for row in scored.rows for d in row.differences)
