"""`compare`: ordered as the boards that results come from, and the same frames in one table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reports.compare import compare
from reports.inputs.noted_boards import noted_rules
from tests.reports import synthetic
from vfsrbench.board import Board
from vfsrbench.errors import InputError
from vfsrbench.io.safety.sealed import write_note
from vfsrbench.results import board_note
from vfsrbench.results.board_note import TableRules
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.plan import make_plan

FREE = {"split_status": "given", "lq_digest": "", "recipe_digest": ""}
MADE = {"recipe_digest": "r"}


def write(folder: Path, method: str, split: str, **changes: object) -> None:
    given = {"values": changes.pop("values", None)}
    for clip in synthetic.CLIPS:
        values = given["values"] or synthetic.frame_values(method, "vfhq-mild", clip, 12)
        facts = {"restored_digest": f"{method}-{clip}", "values": values, **changes}
        synthetic.write_result(folder, method, split, clip, **facts)


def note(workspace: Path, board: Board) -> None:
    path = Workspace(workspace).board_note(board.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    rules = {name: getattr(board, name) for name in ("splits", "methods", "metrics", "sort_by", "average")}
    write_note(path, "board-1", {"board": rules, "protocols": []})


def test_frames_scored_with_and_without_a_split_are_one_row(tmp_path: Path) -> None:
    psnr, ssim = {"psnr": np.full(12, 30.0)}, {"psnr": np.full(12, 30.0), "ssim": np.full(12, 0.9)}
    write(tmp_path / "a", "mine", "outputs", values=ssim, **FREE)
    write(tmp_path / "b", "mine", "vfhq-mild", values=psnr, **MADE)
    write(tmp_path / "b", "bicubic", "vfhq-mild", **MADE)
    (table,), _ = compare([tmp_path / "a", tmp_path / "b"])
    assert table.split == "vfhq-mild" and {r.method for r in table.rows} == {"mine", "bicubic"}
    cells = table.row("mine").cells
    assert (cells["psnr"].value, cells["ssim"].value) == (30.0, pytest.approx(0.9))
    again, _ = compare([tmp_path / "b", tmp_path / "a"])
    turned = again[0].row("mine").cells
    assert (turned["psnr"], turned["ssim"]) == (cells["psnr"], cells["ssim"]), "in any order of the folders"


def test_frames_that_another_method_made_stand_under_their_own_name(tmp_path: Path) -> None:
    write(tmp_path / "a", "mine", "outputs", seed=0, **FREE)
    write(tmp_path / "b", "keep", "vfhq-heavy", seed=7, **MADE)
    for clip in synthetic.CLIPS:  # the same frames, by another name, of a split with another seed
        synthetic.write_result(
            tmp_path / "b", "lanczos", "vfhq-heavy", clip, seed=7, restored_digest=f"mine-{clip}", **MADE
        )
    (table,), _ = compare([tmp_path / "a", tmp_path / "b"])
    assert {r.method for r in table.rows} == {"mine", "keep", "lanczos"} and table.split == "vfhq-heavy"


def test_other_frames_stay_apart(tmp_path: Path) -> None:
    write(tmp_path / "a", "mine", "outputs", **FREE)
    write(tmp_path / "b", "bicubic", "vfhq-mild", **MADE)
    tables, _ = compare([tmp_path / "a", tmp_path / "b"])
    shown = {t.split: [r.method for r in t.rows] for t in tables}
    assert shown == {"outputs": ["mine"], "vfhq-mild": ["bicubic"]}
    for split in ("vfhq-mild", "vfhq-heavy"):  # in two splits: which it is nobody can say
        write(tmp_path / "c", "mine", split, **MADE)
    tables, _ = compare([tmp_path / "a", tmp_path / "c"])
    assert [t.split for t in tables] == ["outputs", "vfhq-heavy", "vfhq-mild"]


def test_order_columns_and_means_are_the_boards(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path / "w" / "results")
    board = synthetic.board(metrics=["ewarp_dis", "psnr", "ssim"], sort_by="ssim", average="frames")
    note(tmp_path / "w", board)
    for place in (tmp_path / "w", tmp_path / "w" / "results"):
        tables, _ = compare([place])
        assert [t.split for t in tables] == ["vfhq-mild", "vfhq-heavy"] and tables[0].average == "frames"
        assert [c.id for c in tables[0].columns] == ["ewarp_dis", "psnr", "ssim"]
        assert [r.method for r in tables[0].rows] == ["lanczos", "bicubic", "nearest", "oracle"]
    note(tmp_path / "w", board.replace(sort_by=None, methods=["nearest", "lanczos", "bicubic", "oracle"]))
    tables, _ = compare([tmp_path / "w"])
    assert [r.method for r in tables[0].rows] == ["nearest", "lanczos", "bicubic", "oracle"]


def test_without_a_board_rows_are_in_the_order_of_the_first_metric(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path / "somewhere")
    tables, _ = compare([tmp_path / "somewhere"])
    assert [r.method for r in tables[0].rows] == ["lanczos", "bicubic", "nearest", "oracle"]
    assert [c.id for c in tables[0].columns][:2] == ["psnr", "ssim"]
    with pytest.raises(InputError, match="did you mean 'psnr'"):
        compare([tmp_path / "somewhere"], metrics=["psn"])


def test_boards_that_differ_are_averaged_over_clips(tmp_path: Path) -> None:
    for name, average, sort_by in (("a", "frames", None), ("b", "clips", "psnr")):
        note(tmp_path / name, synthetic.board(name=name, average=average, sort_by=sort_by))
    rules = noted_rules([tmp_path / "a", tmp_path / "b"], ["vfhq-mild"])
    assert rules is not None and (rules.average, rules.sort_by) == ("clips", "psnr")
    assert noted_rules([tmp_path / "a"], ["elsewhere"]) is None
    bad = Workspace(tmp_path / "a").board_note("a")
    bad.write_text(bad.read_text().replace("frames", "clips"))
    assert noted_rules([tmp_path / "a"], ["vfhq-mild"]) is None, "a damaged note says nothing"


def test_a_run_notes_its_boards_rules(tmp_path: Path) -> None:
    board = synthetic.board(
        dataset={"layout": "demo", "clips": ["demo-calm"], "frames": 2},
        splits=["vfhq-mild"],
        methods=["bicubic", "nearest"],
        metrics=["psnr"],
        figures={},
        sort_by="psnr",
    )
    workspace = Workspace.open(tmp_path / "w")
    board_note.note_run(workspace, make_plan(board, workspace, Options()))
    path = workspace.board_note("synthetic")
    assert board_note.table_rules(path) == TableRules.of(board)
    data = json.loads(path.read_text())
    del data["content"]["board"]
    write_note(path, "board-1", data["content"])
    assert (
        board_note.table_rules(path) is None
        and len(board_note.protocols(Workspace(tmp_path / "w"), "synthetic")) == 1
    )
