"""A board that runs a method on some splits or clips alone: its file, its jobs, its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from degradations.reading import typed_toml
from degradations.recipe import recipe_path
from reports import build_report
from reports.tables.formats import to_markdown
from tests.vfsrbench.boards import method_folder, run_with, small_board
from vfsrbench.board import Board, load_board
from vfsrbench.cli.main import run as command
from vfsrbench.errors import InputError
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import make_plan

SPLITS = {"nearest": {"splits": ["bi-x8"]}}
CLIPS = {"nearest": {"clips": ["two"]}}


def jobs(board: Board, workspace: Path) -> set[tuple[str, str, str]]:
    return {(j.method, j.split, j.clip) for j in make_plan(board, Workspace(workspace)).jobs}


def test_the_plan_has_no_other_jobs(tmp_path: Path, data: Path) -> None:
    every = {(m, s, c) for m in ("bicubic", "nearest") for s in ("bi-x4", "bi-x8") for c in ("one", "two")}
    methods = ["bicubic", "nearest"]
    assert jobs(small_board(data, methods), tmp_path / "w") == every
    left_out = {(m, s, c) for m, s, c in every if m == "nearest" and s == "bi-x4"}
    assert jobs(small_board(data, methods, restrict=SPLITS), tmp_path / "w") == every - left_out
    both = {"nearest": {"splits": ["bi-x8"], "clips": ["two"]}}
    found = jobs(small_board(data, methods, restrict=both), tmp_path / "w")
    assert {job for job in found if job[0] == "nearest"} == {("nearest", "bi-x8", "two")}


def test_splits_that_are_files_and_methods_with_options_are_known_by_their_text(tmp_path: Path, data: Path):
    recipe = tmp_path / "mine.toml"
    text = recipe_path("bi-x4").read_text().replace('name = "bi-x4"', 'name = "my-split"')
    recipe.write_text(text)
    method = "unsharp[amount=2]"
    board = small_board(
        data,
        ["bicubic", method],
        splits=["bi-x4", str(recipe)],
        restrict={method: {"splits": [str(recipe)]}},
    )
    found = jobs(board, tmp_path / "w")
    assert {(m, s) for m, s, _ in found if m != "bicubic"} == {("unsharp[amount=2.0]", "my-split")}


@pytest.mark.parametrize(
    ("restrict", "said"),
    [
        ({"nearst": {"splits": ["bi-x4"]}}, "the board has no method 'nearst', did you mean 'nearest'?"),
        ({"nearest": {"splits": ["bi-x3"]}}, "restrict 'nearest': the board has no split 'bi-x3', did you"),
        ({"nearest": {"split": ["bi-x4"]}}, "unknown key 'restrict.nearest.split', did you mean 'splits'?"),
        ({"nearest": {"clips": ["on"]}}, "unknown clip in the restriction of 'nearest' 'on': did you mean"),
        ({"nearest": {"splits": "bi-x4"}}, "restrict.nearest.splits"),
    ],
)
def test_a_wrong_name_is_one_clear_line(tmp_path: Path, data: Path, restrict, said: str, capsys) -> None:
    (method, facts) = next(iter(restrict.items()))
    ((key, value),) = facts.items()
    shown = f'"{value}"' if isinstance(value, str) else "[" + ", ".join(f'"{v}"' for v in value) + "]"
    file = tmp_path / "b.toml"
    file.write_text(
        'name = "b"\ntitle = "B"\nversion = 1\nsplits = ["bi-x4", "bi-x8"]\n'
        'methods = ["bicubic", "nearest"]\nmetrics = ["psnr"]\n'
        f'[dataset]\nlayout = "folder"\npath = "{data}"\n[restrict.{method}]\n{key} = {shown}\n'
    )
    assert command(["run", str(file), "-w", str(tmp_path / "w"), "--engine", "serial"]) == 2
    line = capsys.readouterr().err.strip().splitlines()
    assert said in line[-1] and "Traceback" not in "".join(line)


def test_clips_that_the_board_names_are_checked_with_the_file(tmp_path: Path, data: Path) -> None:
    dataset = {"layout": "folder", "path": str(data), "clips": ["one"]}
    with pytest.raises(InputError, match="the board has no clip 'two'"):
        typed_toml.parse(
            Board,
            {
                **small_board(data, ["nearest"]).model_dump(),
                "dataset": dataset,
                "restrict": {"nearest": {"clips": ["two"]}},
            },
            "b",
        )


def test_a_narrowed_board_keeps_what_is_left_of_its_restrictions(data: Path) -> None:
    board = small_board(data, ["bicubic", "nearest"], restrict=SPLITS)
    assert board.replace(splits=["bi-x8"]).restrict["nearest"].splits == ("bi-x8",)
    assert board.replace(splits=["bi-x4"]).restrict["nearest"].splits == (), "it runs nowhere"
    assert board.replace(methods=["bicubic"]).restrict == {}
    named = small_board(data, ["nearest"], restrict=CLIPS)
    use = named.dataset
    assert named.replace(dataset=use.replace(clips=["two"])).restrict["nearest"].clips == ("two",)
    assert named.replace(dataset=use.replace(clips=["one"])).restrict["nearest"].clips == ()
    assert named.replace(dataset=use.replace(layout="demo")).restrict["nearest"].clips is None
    with pytest.raises(InputError, match="no split 'bi-x4'"):
        board.replace(splits=["bi-x8"], restrict={"nearest": {"splits": ["bi-x4"]}})


def test_nothing_left_is_said(tmp_path: Path, data: Path) -> None:
    board = small_board(data, ["nearest"], restrict=SPLITS).replace(splits=["bi-x4"])
    with pytest.raises(InputError, match="it runs nearest on other splits or clips alone"):
        run_with(board, tmp_path / "w")


def test_tables_count_rows_against_the_restricted_set_and_say_so(tmp_path: Path, data: Path) -> None:
    board = small_board(data, ["bicubic", "nearest", "lanczos"], restrict=SPLITS, sort_by="psnr")
    summary = run_with(board, tmp_path / "w")
    assert summary.counts == {"ok": 10} and summary.board.restrict.keys() == {"nearest"}
    four, eight = build_report(board, tmp_path / "w", tmp_path / "out", formats=["png"], site=True).tables
    assert [r.method for r in four.rows if r.method == "nearest"] == []
    assert four.notes[0] == "nearest is not on the board for this split: only for bi-x8."
    row = eight.row("nearest")
    assert (row.done, row.total) == (2, 2) and row.cells["psnr"].value and row.cells["psnr"].rank
    assert not any("nearest" in note for note in eight.notes)
    assert four.notes[0].removesuffix(".") in to_markdown(four)


def test_a_row_over_some_clips_has_its_mean_but_no_place(tmp_path: Path, data: Path) -> None:
    board = small_board(data, ["bicubic", "nearest", "lanczos"], restrict=CLIPS, sort_by="psnr")
    run_with(board, tmp_path / "w")
    table = build_report(board, tmp_path / "w", tmp_path / "out", formats=["png"]).tables[0]
    row, cell = table.row("nearest"), table.row("nearest").cells["psnr"]
    assert (row.done, row.total, row.completeness) == (1, 1, "1 of 1 clips")
    assert cell.summary.complete and cell.value is not None and cell.rank is None and cell.mark == ""
    assert table.rows[-1].method == "nearest", "means over other clips are in no order with it"
    assert {table.row(m).cells["psnr"].mark for m in ("bicubic", "lanczos")} <= {"best", "second"}
    (note,) = [n for n in table.notes if n.startswith("nearest")]
    assert note.startswith("nearest is on the board for 1 of 2 clips (two): its means are over these")


def test_results_where_the_board_does_not_run_a_method_are_left_out(tmp_path: Path, data: Path) -> None:
    run_with(small_board(data, ["bicubic", "nearest"]), tmp_path / "w")
    board = small_board(data, ["bicubic", "nearest"], restrict=SPLITS)
    made = build_report(board, tmp_path / "w", tmp_path / "out", formats=["png"])
    assert [r.method for r in made.tables[0].rows] == ["bicubic"]
    assert "left out: 2 results of nearest where the board does not run it" in made.skipped


def test_a_run_with_strips_lost_makes_them_again_though_its_first_method_is_restricted(
    tmp_path: Path, data: Path
) -> None:
    first = method_folder(tmp_path, "first")
    board = small_board(data, [first, "nearest"], restrict={first: {"splits": ["bi-x8"]}})
    run_with(board, tmp_path / "w")
    strips = sorted(path for path in (tmp_path / "w" / "slices").rglob("*") if path.is_file())
    for path in strips:
        path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    build_report(board, tmp_path / "w", tmp_path / "out", formats=["png"])  # finds them
    run_with(board, tmp_path / "w")
    again = sorted(path for path in (tmp_path / "w" / "slices").rglob("*") if path.is_file())
    assert again == strips


def test_a_dry_run_says_what_is_restricted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["run", "demo", "--frames", "1", "--dry-run", "-w", str(tmp_path / "w")]) == 0
    assert "realesrgan: on no other splits than vfhq-mild, vfhq-heavy" in capsys.readouterr().out


def test_the_demo_board_runs_real_esrgan_on_two_levels() -> None:
    from vfsrbench.plugins import board_files

    board = load_board(board_files()["demo"])
    assert board.restrict["realesrgan"].splits == ("vfhq-mild", "vfhq-heavy")
    assert {clip.partition("-")[0] for clip in board.dataset.clips} == {"demo", "hopper"}
    assert (board.dataset.frames or 0) >= 12
    faces = ("idd_dlib", "sigma_idd_dlib", "akd_dlib68", "sigma_akd_dlib68")
    assert board.metrics == ("psnr", "ssim", *faces, "ssim_vt", "ewarp_dis")
