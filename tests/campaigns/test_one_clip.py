"""One clip's trouble is that clip's; a full disk is everybody's; a crash leaves a log."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, method_folder, run_with, small_board
from tests.vfsrbench.boards import scores as scores_of
from tests.vfsrbench.clips import noise, picture_folder
from tests.vfsrbench.io.films import scene, write_film
from tests.vfsrbench.targets import refused, restore, works
from vfsrbench.cli.main import run
from vfsrbench.io.clip import Clip

Said = pytest.CaptureFixture[str]


def cut_off(path: Path, keep: float = 0.7) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


@pytest.mark.parametrize("form", ["png", "video"])
def test_restore_goes_on_past_a_damaged_clip(tmp_path: Path, capsys: Said, form: str) -> None:
    for name in "abc":
        picture_folder(tmp_path / "in" / name, noise(3, 16, 16))
    cut_off(tmp_path / "in" / "a" / "00000000.png")  # seen when the clip is opened
    cut_off(tmp_path / "in" / "b" / "00000002.png")  # seen when the frame's turn comes
    write_film(tmp_path / "in" / "d.mp4", scene(12, 48, 64))
    cut_off(tmp_path / "in" / "d.mp4")
    out = tmp_path / "out"
    assert run([str(a) for a in restore(tmp_path / "in", out, "--as", form)]) == 3
    said = capsys.readouterr()
    assert [line.partition(":")[0] for line in said.err.splitlines() if "failed:" in line] == ["a", "d", "b"]
    assert "00000000.png" in said.err and "00000002.png" in said.err and "Traceback" not in said.err
    made = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
    assert made == ["c" if form == "png" else "c.mkv", "c.restoration.json"]
    assert not [p for p in out.rglob("*") if ".part" in p.name]


def test_clips_that_cannot_be_read_at_all_are_a_wrong_input(tmp_path: Path, capsys: Said) -> None:
    for name in "ab":
        picture_folder(tmp_path / "in" / name, noise(2, 16, 16))
        cut_off(tmp_path / "in" / name / "00000000.png")
    said = refused(capsys, tmp_path, *restore(tmp_path / "in", tmp_path / "out"))
    assert "no clip can be read" in said and "(and 1 others)" in said
    assert "00000000.png" in refused(capsys, tmp_path, *restore(tmp_path / "in" / "a", tmp_path / "out"))


def test_degrade_goes_on_past_a_clip_and_a_nested_name_leaves_nothing(tmp_path: Path, capsys: Said) -> None:
    data_set(tmp_path / "in", ["one", "two"], frames=4)
    cut_off(tmp_path / "in" / "one" / "00000002.png")
    command = ["degrade", str(tmp_path / "lq"), "--split", "bi-x4", "--dataset", str(tmp_path / "in")]
    assert run([*command, "--engine", "serial"]) == 3
    assert "bi-x4, one: failed: " in capsys.readouterr().err
    manifest = json.loads((tmp_path / "lq" / "bi-x4" / "manifest.json").read_text())
    assert list(manifest["clips"]) == ["two"]


def test_a_crash_of_degrade_leaves_a_log(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path / "in", ["one", "two"], frames=4)
    real = Clip.digest
    monkeypatch.setattr(Clip, "digest", lambda clip: real(clip) if clip.name == "two" else 1 // 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    command = ["degrade", str(tmp_path / "lq"), "--split", "bi-x4", "--dataset", str(tmp_path / "in")]
    assert run([*command, "--engine", "serial"]) == 3
    said = capsys.readouterr().err
    assert "bi-x4, one: failed: a worker failed: ZeroDivisionError" in said
    (log,) = tmp_path.glob("vfsrbench-*.log")
    assert str(log) in said.replace("\n", "") and "Traceback (most recent call last)" in log.read_text()


def test_degrade_again_by_force_keeps_the_manifest_of_what_could_not_be_made(
    tmp_path: Path, capsys: Said
) -> None:
    data_set(tmp_path / "in", ["one", "two"], frames=4)
    command = ["degrade", tmp_path / "lq", "--split", "bi-x4", "--dataset", tmp_path / "in"]
    works(capsys, *command)
    manifest = tmp_path / "lq" / "bi-x4" / "manifest.json"
    before = json.loads(manifest.read_text())
    cut_off(tmp_path / "in" / "one" / "00000002.png")
    assert run([str(a) for a in command] + ["--force"]) == 3
    after = json.loads(manifest.read_text())
    assert after["clips"] == before["clips"]
    assert Clip.open(tmp_path / "lq" / "bi-x4" / "one").digest() == before["clips"]["one"]["digest"]


def test_a_manifest_whose_recipe_is_not_its_digests_is_refused(tmp_path: Path, capsys: Said) -> None:
    data_set(tmp_path / "in", ["one"], frames=4)
    works(capsys, "degrade", tmp_path / "lq", "--split", "bi-x4", "--dataset", tmp_path / "in")
    path = tmp_path / "lq" / "bi-x4" / "manifest.json"
    works(capsys, "verify", path.parent)
    plain = json.loads(path.read_text())
    for key, value in {
        "content": plain["recipe"]["content"] | {"numbers": "vfhq-mild@1"},
        "version": 7,
    }.items():
        path.write_text(json.dumps(plain | {"recipe": plain["recipe"] | {key: value}}))
        said = refused(capsys, tmp_path, "verify", path.parent)
        assert "manifest.json" in said and "'content' is not what 'digest' was taken over" in said


def test_a_foreign_file_in_a_workspaces_folder_stays_and_is_named(tmp_path: Path) -> None:
    """Frames that must be made again, where somebody's file lies among them."""
    data = data_set(tmp_path / "data", ["one", "two"], frames=4)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    assert run_with(board, tmp_path / "w", keep="png").exit_code == 0
    expected = scores_of(tmp_path / "w")
    folder = tmp_path / "w" / "restored" / "bi-x4" / "m" / "one"
    (folder / "precious.txt").write_text("mine")
    summary = run_with(board, tmp_path / "w", keep="png", force=True)
    (failed,) = [r for r in summary.records.values() if r.status == "failed"]
    assert summary.exit_code == 3 and failed.clip == "one"
    assert "'precious.txt'" in failed.reason and "move it away" in failed.reason
    assert os.linesep not in failed.reason and str(folder) in failed.reason
    assert (folder / "precious.txt").read_text() == "mine"
    (folder / "precious.txt").unlink()
    assert run_with(board, tmp_path / "w", keep="png", retry_failed=True).exit_code == 0
    assert scores_of(tmp_path / "w") == expected
