"""Workspaces and new methods: never in, on or around what is read, never over what is there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.vfsrbench.targets import refused, working_place, works
from vfsrbench.cli.main import run
from vfsrbench.io.safety.ownership import NOTE


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(working_place(tmp_path))
    return tmp_path


@pytest.mark.parametrize("verb", ["run", "score", "dry"])
@pytest.mark.parametrize("workspace", ["clips", "clips/w", ".", "link", "clips/a"])
def test_a_workspace_is_no_part_of_what_a_run_reads(
    here: Path, capsys: pytest.CaptureFixture[str], verb: str, workspace: str
) -> None:
    (here / "link").symlink_to("clips")
    arguments = {
        "run": ["run", "demo"],
        "dry": ["run", "demo", "--dry-run"],
        "score": ["score", "--outputs", "x=clips"],
    }[verb]
    line = refused(capsys, here, *arguments, "--dataset", "clips", "-w", workspace)
    assert "input" in line


def test_a_workspace_does_not_lie_in_outputs_nor_in_somebodys_folder(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(here / "clips", here / "mine")
    score = ["score", "--dataset", "clips", "--outputs", "x=mine", "--engine", "serial", "--metric", "psnr"]
    assert "lies inside the input mine" in refused(capsys, here, *score, "-w", "mine/w")
    (here / "project" / "results").mkdir(parents=True)
    (here / "project" / "results" / ".old.part").write_text("mine")
    assert "holds 'results', which vfsrbench did not make" in refused(capsys, here, *score, "-w", "project")


def test_kept_frames_are_scored_where_they_lie(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = ["--dataset", "clips", "-w", "w", "--engine", "serial", "--metric", "psnr", "--no-report"]
    works(capsys, "run", "demo", *board, "--split", "bi-x4", "--only-method", "nearest", "--keep", "png")
    score = ["score", "--dataset", "clips", "-w", "w", "--engine", "serial", "--metric", "psnr"]
    works(capsys, *score, "--outputs", "x=w/restored/bi-x4/nearest")


@pytest.mark.parametrize("keep", ["png", "video"])
def test_a_foreign_file_among_kept_frames_survives(
    here: Path, capsys: pytest.CaptureFixture[str], keep: str
) -> None:
    command = ["run", "demo", "--dataset", "clips", "-w", "w", "--engine", "serial", "--metric", "psnr"]
    command += ["--no-report", "--split", "bi-x4", "--only-method", "nearest"]
    works(capsys, *command, "--keep", "png")
    kept = here / "w" / "restored" / "bi-x4" / "nearest" / "a"
    (split,) = (p for p in (here / "w" / "splits" / "bi-x4").iterdir() if p.is_dir())
    for folder in (kept, split):
        (folder / "notes.txt").write_text("mine")
    run([*command, "--keep", keep, "--force"])
    found = [p.read_text() for p in (here / "w").rglob("notes.txt*")]
    assert found == ["mine", "mine"]
    if keep == "video":
        assert [p.name for p in sorted(kept.iterdir())] == [NOTE, "notes.txt"]


def test_new_writes_over_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "folder").mkdir()
    (here / "file").write_text("mine")
    (here / "link").symlink_to("nowhere")
    os.mkfifo(here / "fifo")
    for name in ("folder", "file", "link", "fifo"):
        assert "is there already" in refused(capsys, here, "new", name)
    for into in ("file", "link", "fifo"):
        assert "choose another folder" in refused(capsys, here, "new", "m", "--into", into)
    assert "new" in works(capsys, "new", "new")
    assert sorted(p.name for p in (here / "new").iterdir()) == ["card.toml", "method.py"]
