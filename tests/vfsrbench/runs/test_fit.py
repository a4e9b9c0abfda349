"""Clips whose sides a split cannot divide: told together, refused, cropped; boards on one's own clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.report import build_report
from tests.vfsrbench.boards import data_set, method_folder, moving, run_with, small_board, write_clip
from vfsrbench.cli.main import run
from vfsrbench.cli.option_groups import BoardChanges
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.plugins import find_board
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import make_plan


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One clip that fits and two that do not."""
    write_clip(tmp_path / "my-clips" / "even", moving(3, 32))
    write_clip(tmp_path / "my-clips" / "odd", moving(3, 35, 1)[:, :33])
    write_clip(tmp_path / "my-clips" / "odder", moving(3, 39, 2)[:, :, :34])
    return tmp_path / "my-clips"


def board_of(data: Path, fit: str, **more: object):  # type: ignore[no-untyped-def]
    use = {"layout": "folder", "path": str(data), "fit": fit}
    return small_board(data, ["nearest"], dataset=use, metrics=["psnr"], **{"splits": ["bi-x4"], **more})


def test_all_that_does_not_fit_is_told_in_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"run demo --dataset {data} --split bi-x4 --only-method nearest --metric psnr --no-report"
    place = ["--engine", "serial", "-w", str(data.parent / "w")]
    assert run([*line.split(), *place, "--fit", "refuse"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "2 clips cannot be divided as splits do (bi-x4 by 4): odd (35x33), odder (34x39)" in error
    assert "--fit crop takes the centre of each" in error
    assert run([*line.split(), "--split", "bi-x8", *place, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "2 clips cannot be divided as splits do (bi-x4 by 4, bi-x8 by 8): odd (35x33)" in said
    assert "will fail" not in said, "told once, not again for each clip and split"
    assert run([*line.split(), *place]) == 3, "the one that fits is done"
    told = [text for text in capsys.readouterr().err.splitlines() if "2 clips cannot be divided" in text]
    assert len(told) == 1 and "without it they fail alone" in told[0]
    assert run([*line.split(), *place, "--fit", "half"]) == 2
    assert "say alone, refuse, crop, or what to crop to multiples of: crop8" in capsys.readouterr().err


def test_where_none_fits_all_reasons_are_given(data: Path, tmp_path: Path) -> None:
    board = board_of(data, "alone", splits=["bi-x8"]).replace(
        dataset={"layout": "folder", "path": str(data), "clips": ["odd", "odder"]}
    )
    with pytest.raises(InputError, match=r"'odd' is 35x33.*; clip 'odder' is 34x39"):
        run_with(board, tmp_path / "w")


def test_the_centre_is_cropped_to_what_all_splits_divide_by(data: Path, tmp_path: Path) -> None:
    plan = make_plan(board_of(data, "crop", splits=["bi-x4", "bi-x8"]), Workspace.open(tmp_path / "w"))
    sizes = {clip.name: (clip.height, clip.width, clip.cropped) for clip in plan.clips}
    assert sizes == {"even": (32, 32, ""), "odd": (32, 32, "crop8"), "odder": (32, 32, "crop8")}
    assert plan.misfit == ""
    truth = open_dataset("folder", data, multiple=4)["odd"].gt
    assert truth is not None
    whole = Clip.open(data / "odd").array()
    assert np.array_equal(truth.array(), whole[:, 0:32, 1:33]), "the odd pixel is cut right and below"


def test_it_stands_in_key_record_and_table(data: Path, tmp_path: Path) -> None:
    board = board_of(data, "crop")
    summary = run_with(board, tmp_path / "w")
    assert {r.clip: (r.status, r.fit) for r in summary.records.values()} == {
        "even": ("ok", ""),
        "odd": ("ok", "crop4"),
        "odder": ("ok", "crop4"),
    }
    keys = {job.clip: job.key for job in summary.jobs}
    for fit, same in (("alone", {"even"}), ("crop8", {"even"})):
        other = make_plan(board_of(data, fit), Workspace.open(tmp_path / "w"))
        assert {job.clip for job in other.jobs if job.key == keys[job.clip]} == same
    note = "Of 2 clips the centre was taken, cropped to multiples of 4 pixels: odd, odder."
    made = build_report(board, tmp_path / "w", tmp_path / "out")
    assert note in made.tables[0].notes and note in made.index.read_text()
    assert note in (tmp_path / "out" / "leaderboard.md").read_text()


def test_results_of_the_whole_frames_are_cropped_along(data: Path, tmp_path: Path) -> None:
    board = board_of(data, "crop").replace(methods=["nearest"])
    summary = run_with(board, tmp_path / "w", outputs={"mine": data})
    mine = [r for r in summary.records.values() if r.method == "mine"]
    assert {r.status for r in mine} == {"ok"} and all(r.clip_values["psnr"] == 100 for r in mine)


def test_landmarks_move_along(tmp_path: Path) -> None:
    from vfsrbench.datasets.preparing.cropping import Cropped

    cut = Cropped.of(Clip.from_array(moving(1, 39)), 8)
    assert cut is not None and (cut.top, cut.left, cut.height, cut.width) == (3, 3, 32, 32)
    assert Cropped.of(Clip.from_array(moving(1, 32)), 8) is None
    with pytest.raises(InputError, match="too small to be cropped to multiples of 64"):
        Cropped.of(Clip.from_array(moving(1, 32)), 64)


def test_degraded_versions_that_come_along_are_not_cropped_in_silence(tmp_path: Path) -> None:
    write_clip(tmp_path / "set" / "GT" / "one", moving(3, 36))
    write_clip(tmp_path / "set" / "LQ" / "one", moving(3, 9))
    with pytest.raises(InputError, match="comes with a degraded version, which is not cropped along"):
        open_dataset("pairs", tmp_path / "set", multiple=8).clips()


def test_degrade_crops_as_runs_do(data: Path, tmp_path: Path) -> None:
    line = f"degrade {tmp_path / 'lq'} --split bi-x4 --dataset {data} --engine serial"
    assert run([*line.split(), "--fit", "refuse"]) == 2
    assert run([*line.split(), "--fit", "crop"]) == 0
    assert (Clip.open(tmp_path / "lq" / "bi-x4" / "odd").height, 8) == (8, 8)


def test_no_page_calls_the_user_s_clips_the_demo_s(data: Path, tmp_path: Path) -> None:
    """Also when the report is asked for without them again, as the board's last run had them."""
    changes = BoardChanges(dataset=data, split=["bi-x4"], metric=["psnr"], fit="crop")
    board = changes.of(find_board("demo")).replace(methods=["nearest"], versus=None)
    run_with(board, tmp_path / "w", keep="png")
    again = find_board("demo").replace(splits=["bi-x4"], metrics=["psnr"], figures={}, versus=None)
    for number, (asked, site) in enumerate([(board, True), (again, False)]):
        made = build_report(asked, tmp_path / "w", tmp_path / f"out{number}", site=site)
        assert made.tables[0].title == "Scores on my-clips" and not made.tables[0].demo
        assert made.tables[0].clips == ("even", "odd", "odder")
        pages = sorted((tmp_path / f"out{number}").rglob("*.html"))
        assert pages and (not site or len(pages) > 3)
        for page in pages:
            text = page.read_text().lower()
            assert "demo clip" not in text and "demo board" not in text and "rendered clip" not in text
            assert "say nothing about" not in text and "mean nothing" not in text
    with_method = method_folder(tmp_path, "m")
    own = data_set(tmp_path / "own")
    mine = small_board(own, [with_method], title="Mine", description="My words.", splits=["bi-x4"])
    run_with(mine, tmp_path / "w2")
    assert build_report(mine, tmp_path / "w2", tmp_path / "out2").tables[0].title == "Mine"
