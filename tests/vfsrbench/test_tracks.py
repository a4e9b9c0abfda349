"""The track of a board: methods that are given a reference photograph never stand beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.compare import compare
from reports.material import gather
from tests.reports import synthetic
from tests.vfsrbench.boards import data_set, method_folder, run_with, small_board
from vfsrbench.errors import InputError
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import make_plan


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_set(tmp_path / "data", frames=3)


def with_photo(tmp_path: Path) -> str:
    return method_folder(tmp_path / "m", "guided", more='reference = "photo"')


def test_a_board_refuses_a_method_of_the_other_track(data: Path, tmp_path: Path) -> None:
    plain, guided = method_folder(tmp_path / "m", "plain"), with_photo(tmp_path)
    for methods, track, named in (([plain, guided], "none", "guided"), ([guided, plain], "photo", "plain")):
        board = small_board(data, methods, reference=track)
        with pytest.raises(InputError, match=rf"method '{named}'.*never stand side by side"):
            make_plan(board, Workspace(tmp_path / "w"))


def test_reference_rows_stand_on_either_board_and_results_say_their_track(data: Path, tmp_path: Path) -> None:
    for number, (methods, track) in enumerate(
        (([with_photo(tmp_path), "oracle"], "photo"), (["bicubic", "oracle"], "none"))
    ):
        board = small_board(data, methods, reference=track, splits=["bi-x4"], metrics=["psnr"])
        summary = run_with(board, tmp_path / f"w{number}")
        tracks = {r.method: r.track for r in summary.records.values()}
        assert tracks == {methods[0].rpartition("/")[2]: track, "oracle": ""}


def test_a_report_leaves_out_results_of_the_other_track(tmp_path: Path) -> None:
    place = tmp_path / "results"
    for clip in synthetic.CLIPS:
        synthetic.write_result(place, "lanczos", "vfhq-mild", clip, track="none")
        synthetic.write_result(place, "bicubic", "vfhq-mild", clip, track="photo")
        synthetic.write_result(place, "oracle", "vfhq-mild", clip, track="")
    for track, method in (("none", "lanczos"), ("photo", "bicubic")):
        material = gather(synthetic.board(reference=track, splits=["vfhq-mild"]), tmp_path / "w", [place])
        (table,) = material.tables
        assert {row.method for row in table.rows} == {method, "oracle"}
        assert any("never stand beside" in line for line in material.skipped)
    with pytest.raises(InputError, match="reference photograph cannot be compared"):
        compare([place])


def test_published_figures_of_the_other_track_are_not_shown(tmp_path: Path) -> None:
    """Both boards have the same papers: whatever has no card that says otherwise is given no photograph."""
    facts = {
        "published": [{"file": "svfr.csv", "splits": {"vfhq-mild": "blind"}}],
        "splits": ["vfhq-mild"],
        "versus": None,
    }
    none = gather(synthetic.board(**facts), tmp_path / "w")
    assert "keep" in {row.method for row in none.tables[0].published}
    with pytest.raises(InputError, match="no results"):
        gather(synthetic.board(**facts, reference="photo"), tmp_path / "w")
