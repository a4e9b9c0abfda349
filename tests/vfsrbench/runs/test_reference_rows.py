"""Metrics that never see the truth: the ground truth and the input are scored beside the methods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vfsrbench as vb
from tests.vfsrbench.boards import data_set, method_folder, run_with, small_board, write_clip
from tests.vfsrbench.boards import moving as texture
from vfsrbench.board import ScoreBoard
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.io.upscaled import upscaled
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.plan import Plan, make_plan

GAMEABLE = "ewarp_self_dis"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_set(tmp_path / "data", frames=4)


def planned(plan: Plan) -> dict[str, set[tuple[str, ...]]]:
    """Method -> what is due of its jobs."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for job in plan.jobs:
        found.setdefault(job.method, set()).add(job.due)
    return found


def by_place(records: dict) -> dict[tuple[str, str, str], JobRecord]:
    return {(job.method, job.split, job.clip): record for job, record in records.items()}


def test_both_are_scored_by_those_metrics_alone_and_stored_like_any_result(
    tmp_path: Path, data: Path
) -> None:
    board = small_board(data, ["nearest"], metrics=["psnr", GAMEABLE])
    place = tmp_path / "w"
    plan = make_plan(board, Workspace.open(place))
    assert planned(plan) == {"nearest": {("psnr", GAMEABLE)}, "oracle": {(GAMEABLE,)}, "input": {(GAMEABLE,)}}
    summary = run_with(board, place)
    assert summary.exit_code == 0 and summary.board.methods == ("nearest",)
    records = by_place(summary.records)
    assert len(records) == 3 * 2 * 2
    score = vb.metric(GAMEABLE)
    for clip in open_dataset("folder", data).clips():
        lq = vb.degrade(clip.gt, "bi-x4")
        for row, frames in (("oracle", clip.gt), ("input", vb.restore(lq, "bicubic", device="cpu"))):
            record = records[row, "bi-x4", clip.name]
            assert record.only == [GAMEABLE] and list(record.metrics) == list(record.scores) == [GAMEABLE]
            assert record.clip_values[GAMEABLE] == pytest.approx(score(frames), rel=1e-9)
    assert not records["nearest", "bi-x4", "one"].only
    assert not make_plan(board, Workspace.open(place)).open


def test_none_stand_beside_metrics_that_compare_with_the_truth(tmp_path: Path, data: Path) -> None:
    plan = make_plan(small_board(data, ["nearest"]), Workspace.open(tmp_path / "w"))
    assert set(planned(plan)) == {"nearest"} and not plan.setup.beside


def test_a_board_that_names_one_has_all_of_its_metrics(tmp_path: Path, data: Path) -> None:
    board = small_board(data, ["nearest"], metrics=["psnr", GAMEABLE], splits=["bi-x4"])
    run_with(board, tmp_path / "w")
    named = board.replace(methods=["nearest", "oracle"])
    plan = make_plan(named, Workspace.open(tmp_path / "w"))
    assert planned(plan) == {"nearest": {()}, "oracle": {("psnr",)}, "input": {()}}
    records = by_place(run_with(named, tmp_path / "w").records)
    assert records["oracle", "bi-x4", "one"].only == []
    assert records["oracle", "bi-x4", "one"].clip_values["psnr"] == 100.0
    # and stays so when it stands beside again, with one more metric
    more = board.replace(metrics=["psnr", GAMEABLE, "ewarp_self_raft"])
    again = by_place(run_with(more, tmp_path / "w").records)["oracle", "bi-x4", "one"]
    assert again.only == [] and {"psnr", GAMEABLE, "ewarp_self_raft"} <= set(again.metrics)


def test_without_ground_truth_the_input_stands_alone(tmp_path: Path) -> None:
    write_clip(tmp_path / "lq" / "one", texture(3, 24, 0))
    board = small_board(
        tmp_path,
        ["nearest"],
        splits=["lq"],
        metrics=[GAMEABLE],
        dataset={"layout": "real", "path": str(tmp_path / "lq"), "scale": 2},
    )
    summary = run_with(board, tmp_path / "w")
    assert summary.exit_code == 0 and {job.method for job in summary.jobs} == {"nearest", "input"}


def test_stored_outputs_of_a_split_that_nobody_can_make_have_the_truth_beside(
    tmp_path: Path, data: Path
) -> None:
    mine = data_set(tmp_path / "mine", frames=4)
    board = small_board(data, ["nearest"], metrics=["psnr", GAMEABLE])
    options = Options(outputs={"mine": mine})
    plain = ScoreBoard.of(board)
    there = make_plan(plain.replace(splits=["bi-x4"]), Workspace.open(tmp_path / "w"), options)
    assert set(planned(there)) == {"mine", "oracle", "input"}
    unknown = make_plan(plain.replace(splits=["elsewhere"]), Workspace.open(tmp_path / "w"), options)
    assert set(planned(unknown)) == {"mine", "oracle"}


def test_they_stand_on_boards_of_either_track(tmp_path: Path, data: Path) -> None:
    guided = method_folder(tmp_path, "guided", more='reference = "photo"')
    board = small_board(data, [guided], metrics=[GAMEABLE], splits=["bi-x4"], reference="photo")
    records = by_place(run_with(board, tmp_path / "w").records)
    assert {method: r.track for (method, _, _), r in records.items()} == {
        "guided": "photo",
        "oracle": "",
        "input": "",
    }


def test_the_input_is_enlarged_as_clips_without_ground_truth_are(data: Path) -> None:
    clip = next(iter(open_dataset("folder", data).clips()))
    lq = vb.degrade(clip.gt, "bi-x4")
    shown = vb.restore(lq, "input", device="cpu")
    difference = shown.read(0, 4).astype(int) - upscaled(lq, 4).read(0, 4)
    assert np.abs(difference).max() <= 1, "but for rounding"
