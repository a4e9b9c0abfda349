"""A dry run takes what the run takes, and says what the run would need."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, small_board
from vfsrbench.cli import main

METRICS = ["psnr", "ids_w600k_r50"]


def dry(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert main.run([str(a) for a in ("run", *arguments, "--dry-run")]) == code
    said = capsys.readouterr()
    return said.out + said.err


@pytest.fixture
def board(tmp_path: Path) -> Path:
    data = data_set(tmp_path / "data")
    method = method_folder(tmp_path, "m", more='[[weights]]\nname = "no-such-checkpoint"')
    more = {"splits": ["bi-x4"], "metrics": METRICS}
    return board_file(tmp_path / "board.toml", small_board(data, [method, "nearest"], **more))


def landmarks(data: Path, *clips: str) -> None:
    (data.parent / "meta_info").mkdir(exist_ok=True)
    points = " ".join(["10.0"] * 10)
    for clip in clips:
        names = sorted((data / clip).iterdir())
        text = "\n".join(f"{path.name} {points}" for path in names)
        (data.parent / "meta_info" / f"{clip}.txt").write_text(text)


def test_the_weights_that_these_clips_need_are_listed(
    capsys: pytest.CaptureFixture[str], board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    say = dry(capsys, board, "-w", tmp_path / "w")
    (line,) = [line for line in say.splitlines() if line.startswith("retinaface_r50")]
    assert "MISSING" in line and "ids_w600k_r50 (no landmarks come with one, two)" in line
    assert "weights fetch retinaface_r50" in say
    for name, user in (("no-such-checkpoint", "m"), ("w600k_r50", "ids_w600k_r50")):
        (line,) = [line for line in say.splitlines() if line.startswith(name)]
        assert line.split() == [name, "MISSING", user]
    landmarks(tmp_path / "data", "one")
    assert "(no landmarks come with two)" in dry(capsys, board, "-w", tmp_path / "w")
    landmarks(tmp_path / "data", "one", "two")
    assert "retinaface_r50" not in dry(capsys, board, "-w", tmp_path / "w")


def test_a_metric_that_finds_faces_itself_needs_no_detector(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = data_set(tmp_path / "data")
    board = small_board(data, ["nearest"], splits=["bi-x4"], metrics=["idd_dlib"])
    say = dry(capsys, board_file(tmp_path / "board.toml", board), "-w", tmp_path / "w")
    assert "dlib-landmarks-68" in say and "retinaface_r50" not in say


def test_the_profile_is_the_runs(capsys: pytest.CaptureFixture[str], board: Path, tmp_path: Path):
    run = (
        "run",
        str(board),
        "-w",
        str(tmp_path / "w"),
        "--engine",
        "serial",
        "--no-report",
        "--metric",
        "psnr",
    )
    assert main.run([*run, "--only-method", "nearest"]) == 0
    capsys.readouterr()
    quick = (board, "-w", tmp_path / "w", "--metric", "psnr", "--only-method", "nearest")

    def states(text: str) -> list[str]:
        (line,) = [line for line in text.splitlines() if line.startswith("nearest ")]
        return line.split()

    assert states(dry(capsys, *quick)) == ["nearest", "bi-x4", "2"], "2 done"
    head = [line for line in dry(capsys, *quick, "--profile", "fast").splitlines() if "to do" in line]
    assert head and states(dry(capsys, *quick, "--profile", "fast"))[2] == "2"
    # in which column the two stand tells the states apart
    done = dry(capsys, *quick).splitlines()
    due = dry(capsys, *quick, "--profile", "fast").splitlines()
    at = [next(line for line in lines if line.startswith("nearest ")).rindex("2") for lines in (done, due)]
    assert at[0] > at[1]


def test_manifests_and_engines_are_looked_at(capsys: pytest.CaptureFixture[str], board: Path, tmp_path: Path):
    nowhere = tmp_path / "nowhere.json"
    assert "nowhere.json" in dry(capsys, board, "-w", tmp_path / "w", "--manifest", nowhere, code=2)
    assert "unknown engine" in dry(capsys, board, "-w", tmp_path / "w", "--engine", "lokal", code=2)
    assert "--workers" in dry(capsys, board, "-w", tmp_path / "w", "--workers", "0", code=2)


def test_a_clip_that_will_fail_is_named(capsys: pytest.CaptureFixture[str], board: Path, tmp_path: Path):
    (tmp_path / "data" / "two" / "00000003.png").write_bytes(b"")
    say = dry(capsys, board, "-w", tmp_path / "w")
    assert "clip two will fail: " in say and "00000003.png" in say
    assert not list((tmp_path / "w").rglob("*.parquet"))
