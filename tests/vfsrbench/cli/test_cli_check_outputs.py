"""check-outputs, and the same findings in the records and tables of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vfsrbench as vb
from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.io.clip import Clip

FRAMES = 8


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of a clip of 128x128, honest outputs, and outputs that are shifted, late or limited."""
    root = tmp_path_factory.mktemp("outputs")
    gt = np.ascontiguousarray(demo_clip("demo-fast", FRAMES).array()[:, 128:384, 128:384])
    noisy = np.clip(gt + np.random.default_rng(0).normal(0, 4, gt.shape), 0, 255).astype(np.uint8)
    folders = {
        "gt": gt,
        "honest": noisy,
        "shifted": np.roll(noisy, (1, -2), axis=(1, 2)),
        "late": np.concatenate([noisy[:1], noisy[:-1]]),
        "limited": np.rint(16 + noisy * (219 / 255)).astype(np.uint8),
        "short": noisy[:-1],
        "small": noisy[:, :200, :200],
        "centre": noisy[:, 28:228, 28:228],
    }
    for name, frames in folders.items():
        Clip.from_array(np.ascontiguousarray(frames), name="one").write(root / name / "one")
    return root


def check(clips: Path, *names: str) -> int:
    pairs = [f"{name}={clips / name}" for name in names]
    return run(["check-outputs", *pairs, "--dataset", str(clips / "gt")])


def test_honest_outputs_pass(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(clips, "honest") == 0
    assert capsys.readouterr().out.strip() == "honest, one: nothing off"


def test_frames_that_are_too_small_are_said_not_to_be_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = np.zeros((2, 62, 80, 3), np.uint8)
    for place in ("gt", "mine"):
        Clip.from_array(frames, name="one").write(tmp_path / place / "one")
    assert check(tmp_path, "mine") == 0
    assert capsys.readouterr().out.strip() == "mine, one: not looked at, under 64 pixels a side"


def test_what_is_off_is_said_and_ends_with_3(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(clips, "honest", "shifted", "late", "limited") == 3
    said = dict(line.split(", one: ") for line in capsys.readouterr().out.splitlines())
    assert said["honest"] == "nothing off"
    assert said["shifted"] == "shifted by (-2.0, 1.0) px"
    assert said["late"].startswith("one frame late")
    assert said["limited"] == "limited range (16 to 235)"


def test_ground_truth_is_cropped_as_runs_crop_it(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["check-outputs", f"it={clips / 'centre'}", "--dataset", str(clips / "gt")]
    assert run([*line, "--fit", "crop100"]) == 0
    assert capsys.readouterr().out.strip() == "it, one: nothing off"
    assert run(["check-outputs", str(clips / "centre"), *line[2:]]) == 2
    assert f"must be NAME=PATH, such as centre={clips / 'centre'}" in capsys.readouterr().err
    assert run([*line, "--fit", "crop"]) == 2
    assert "such as --fit crop4" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "numbers"), [("short", ("7", "8")), ("small", ("200x200", "256x256"))])
def test_sizes_and_lengths_are_refused_with_both_numbers(
    clips: Path, capsys: pytest.CaptureFixture[str], name: str, numbers: tuple[str, str]
) -> None:
    assert check(clips, name) == 2
    error = capsys.readouterr().err
    assert all(number in error for number in numbers), error


def test_clips_without_ground_truth_are_refused(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [f"honest={clips / 'honest'}", "--dataset", str(clips / "gt"), "--layout", "real"]
    assert run(["check-outputs", *pairs]) == 2
    assert "no ground truth" in capsys.readouterr().err


def test_a_run_records_and_shows_the_findings(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [f"--outputs={name}={clips / name}" for name in ("honest", "shifted")]
    place = ["--dataset", str(clips / "gt"), "--workspace", str(tmp_path / "ws")]
    assert run(["score", "--engine=serial", *outputs, *place, "--metric", "psnr"]) == 0
    printed = capsys.readouterr().out
    assert "1 of 1 clip is off; one: shifted by (-2.0, 1.0) px. Nothing was corrected" in " ".join(
        printed.split()
    )
    _, records = vb.load_results(tmp_path / "ws")
    found = {record.method: record for record in records}
    assert found["honest"].findings == []
    assert found["shifted"].findings == ["shifted by (-2.0, 1.0) px"]
    assert found["shifted"].geometry["shift_x"] == pytest.approx(-2, abs=0.1)
    # another metric later: the frames are the same, and so is what was found
    assert run(["score", "--engine=serial", *outputs, *place, "--metric", "psnr", "--metric", "ssim"]) == 0
    _, records = vb.load_results(tmp_path / "ws")
    assert {r.method: r.findings for r in records}["shifted"] == ["shifted by (-2.0, 1.0) px"]
