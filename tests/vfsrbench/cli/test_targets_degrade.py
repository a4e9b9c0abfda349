"""Degraded splits: never in their data set, never over foreign files; a manifest of all that is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise, picture_folder
from tests.vfsrbench.targets import refused, working_place, works
from vfsrbench.cli.main import run


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(working_place(tmp_path))
    return tmp_path


def degrade(out: object, *more: object) -> list[object]:
    return ["degrade", out, "--split", "bi-x4", "--engine", "serial", *more]


@pytest.mark.parametrize("out", ["clips", "clips/lq", ".", "clips/../clips", "link"])
def test_degrade_never_writes_into_its_data_set(
    here: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (here / "link").symlink_to("clips")
    assert "input" in refused(capsys, here, *degrade(out, "--dataset", "clips"))


def test_degraded_clips_are_not_degraded_into_their_own_place(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *degrade("lq", "--dataset", "clips"))
    source = ["--layout", "folder", "--dataset", "lq/bi-x4", "--force"]
    assert "holds the input lq/bi-x4" in refused(capsys, here, *degrade("lq", *source))
    (here / "lq2").mkdir()
    (here / "lq2" / "bi-x4").symlink_to(here / "lq" / "bi-x4")
    assert "is the input lq/bi-x4" in refused(capsys, here, *degrade("lq2", *source))


@pytest.mark.parametrize("more", [[], ["--force"]])
@pytest.mark.parametrize("place", ["bi-x4/a/precious.png", "bi-x4/manifest.json"])
def test_degrade_leaves_foreign_files_alone(
    here: Path, capsys: pytest.CaptureFixture[str], place: str, more: list[str]
) -> None:
    picture_folder(here / "clips" / "b", noise(2, 16, 16))
    works(capsys, *degrade("lq", "--dataset", "clips", "--clip", "b"))
    target = here / "lq" / place
    target.parent.mkdir(exist_ok=True)
    if target.name == "manifest.json":  # a published one, put there to compare
        target.write_text(target.read_text().replace("bi-x4", "bi-x4", 1) + " ")
    else:
        target.write_bytes(b"mine")
    line = refused(capsys, here, *degrade("lq", "--dataset", "clips", *more))
    assert "was not made by vfsrbench" in line or "was changed since vfsrbench made it" in line


def test_a_foreign_file_beside_degraded_frames_survives_force(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *degrade("lq", "--dataset", "clips"))
    (here / "lq" / "bi-x4" / "a" / "notes.txt").write_text("mine")
    (here / "lq" / "bi-x4" / "README").write_text("mine")
    works(capsys, *degrade("lq", "--dataset", "clips"))  # nothing is to be done
    assert "'notes.txt'" in refused(capsys, here, *degrade("lq", "--dataset", "clips", "--force"))


def test_one_broken_clip_does_not_cost_the_others_their_manifest(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture_folder(here / "clips" / "b", noise(3, 16, 16))
    picture_folder(here / "clips" / "c", noise(3, 16, 16))
    broken = here / "clips" / "b" / "00000001.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    assert run([str(a) for a in degrade("lq", "--dataset", "clips")]) == 3
    said = capsys.readouterr()
    assert "bi-x4, b: failed: clips/b/00000001.png" in said.err and "2 clips, 10 frames" in said.out
    assert set(_manifest(here)) == {"a", "c"} and not (here / "lq" / "bi-x4" / "b").exists()

    broken.write_bytes(whole)
    with monkeypatch.context() as patch:
        patch.setattr("vfsrbench.splits.degraded.write_png_folder", lambda *a, **k: 1 / 0)
        assert run([str(a) for a in degrade("lq", "--dataset", "clips")]) == 3
    assert "bi-x4, b: failed: a worker failed: ZeroDivisionError" in capsys.readouterr().err
    assert set(_manifest(here)) == {"a", "c"}

    works(capsys, *degrade("lq", "--dataset", "clips", "--clip", "b"))
    assert set(_manifest(here)) == {"a", "b", "c"}, "of the calls before, too"
    assert "3 of 3 clips are bit-identical: canonical" in works(capsys, "verify", "lq")


def test_a_manifest_does_not_vouch_for_what_is_gone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture_folder(here / "clips" / "b", noise(3, 16, 16))
    works(capsys, *degrade("lq", "--dataset", "clips"))
    shutil.rmtree(here / "lq" / "bi-x4" / "b")
    works(capsys, *degrade("lq", "--dataset", "clips", "--clip", "a"))
    assert set(_manifest(here)) == {"a"}


def test_clips_of_an_earlier_version_are_kept_by_their_manifest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notes had another form once: frames that are those of the manifest need not be made again."""
    picture_folder(here / "clips" / "b", noise(3, 16, 16))
    picture_folder(here / "clips" / "c", noise(3, 16, 16))
    works(capsys, *degrade("lq", "--dataset", "clips"))
    split, before = here / "lq" / "bi-x4", _manifest(here)
    for name in "abc":
        old = {"recipe": "0" * 64, "seed": 0, "entry": before[name]}
        (split / ".clips" / f"{name}.json").write_text(json.dumps(old))
    picture = split / "b" / "00000000.png"
    shutil.copy(split / "b" / "00000001.png", picture)
    when = {name: (split / name).stat().st_ino for name in "ac"}
    works(capsys, *degrade("lq", "--dataset", "clips", "--clip", "a"))
    assert set(_manifest(here)) == {"a", "c"}, "c is vouched for, b has other frames"
    works(capsys, *degrade("lq", "--dataset", "clips"))
    assert _manifest(here) == before and {name: (split / name).stat().st_ino for name in "ac"} == when
    assert "3 of 3 clips are bit-identical: canonical" in works(capsys, "verify", "lq")


def test_ctrl_c_leaves_a_manifest_of_what_is_done(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vfsrbench.splits import degraded

    picture_folder(here / "clips" / "b", noise(3, 16, 16))
    real = degraded.write_png_folder

    def stopped(path: Path, *more: object, **how: object) -> None:
        if path.name == "b":
            raise KeyboardInterrupt
        real(path, *more, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(degraded, "write_png_folder", stopped)
    assert run([str(a) for a in degrade("lq", "--dataset", "clips")]) == 130
    assert set(_manifest(here)) == {"a"}


def _manifest(here: Path) -> dict[str, object]:
    return json.loads((here / "lq" / "bi-x4" / "manifest.json").read_text())["clips"]
