"""Commands over videos as they come: what is kept, what is told, what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import method_folder
from tests.vfsrbench.faces.known_finder import loads
from tests.vfsrbench.io.films import (
    frame_times,
    packets_of,
    scene,
    set_display_matrix,
    write_film,
)
from tests.vfsrbench.io.test_film import two_films
from vfsrbench.cli.main import run
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.io.clip import Clip

TIMES = [0, 40, 80, 200, 233, 266, *range(300, 300 + 6 * 50, 50)]
X264 = {"crf": "1", "x264-params": "keyint=8:bframes=3"}
MS = Fraction(1, 1000)
SILENT = ["--method", "nearest", "--scale", "1"]


def phone_video(path: Path, sound: str = "aac", height: int = 48, width: int = 64) -> Path:
    """Frames at odd times, 4:3 pixels, sound."""
    frames = scene(12, height, width)
    return write_film(path, frames, times=TIMES, base=MS, sound=sound, options=X264, aspect=Fraction(4, 3))


def check_kept(before: Path, after: Path) -> None:
    times = [[time - found[0] for time in found] for found in (frame_times(before), frame_times(after))]
    assert len(times[1]) == 12 and max(abs(a - b) for a, b in zip(*times, strict=True)) < MS
    sounds = [[data for _, data in packets_of(path, "audio")] for path in (before, after)]
    assert sounds[0] == sounds[1] and sounds[0]
    film = Clip.open(after).film
    assert film is not None and film.sample_aspect == Fraction(4, 3)


@pytest.mark.parametrize(("form", "suffix"), [("h264", ".mp4"), ("video", ".mkv")])
def test_restore_keeps_times_sound_and_pixel_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, suffix: str
) -> None:
    source = phone_video(tmp_path / "talk.mp4")
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT, "--as", form]) == 0
    assert "not kept" not in capsys.readouterr().err
    result = tmp_path / "out" / f"talk{suffix}"
    check_kept(source, result)
    away = np.abs(Clip.open(result).read(0, 12).astype(int) - Clip.open(source).read(0, 12))
    assert away.max() <= (0 if form == "video" else 12)


def test_restore_into_pictures_says_what_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = phone_video(tmp_path / "talk.mp4")
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "not kept" in line]
    assert lines == [
        "talk: not kept in pictures: sound (aac), frame times (8.333 to 30.3 a second), pixel shape (4:3)"
    ]


def test_sound_that_mp4_cannot_hold_goes_into_matroska(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = phone_video(tmp_path / "talk.mkv", sound="pcm_u8")
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT, "--as", "h264"]) == 0
    said = capsys.readouterr()
    assert "talk: goes into .mkv, as .mp4 files cannot hold its sound (pcm_u8)" in said.err
    check_kept(source, tmp_path / "out" / "talk.mkv")
    assert not (tmp_path / "out" / "talk.mp4").exists()


def test_sound_that_nothing_holds_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = phone_video(tmp_path / "talk.avi", sound="adpcm_ima_wav")
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT, "--as", "h264"]) == 0
    assert "talk: not kept: sound; no file written here can hold its sound (adpcm_ima_wav)" in (
        capsys.readouterr().err
    )
    assert len(Clip.open(tmp_path / "out" / "talk.mp4")) == 12


def test_further_films_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = two_films(tmp_path / "talk.mkv", default=1)
    for form, wanted in (("h264", "not kept: further films"), ("png", "not kept in pictures: further films")):
        assert run(["restore", str(source), str(tmp_path / form), *SILENT, "--as", form]) == 0
        lines = capsys.readouterr().err.splitlines()
        assert f"talk: {wanted}" in lines
        assert "talk: holds 2 films; stream 1 (128x96) is read" in lines
        note = json.loads((tmp_path / form / "talk.restoration.json").read_text())
        assert note["warnings"] == ["holds 2 films; stream 1 (128x96) is read", wanted]


def test_faces_in_a_video_keep_times_sound_and_pixel_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        face_tools,
        "load_finder",
        loads(lambda f: np.broadcast_to(FFHQ_512 + 20, (len(f), 5, 2))),
    )
    monkeypatch.setattr(face_tools, "why_no_masks", lambda: "")
    monkeypatch.setattr(face_tools, "load_masks", lambda device: lambda faces: np.ones(faces.shape[:3], "f4"))
    method = method_folder(tmp_path, "red", "out[:, 0] = 1", more="input_size = [512, 512]")
    source = phone_video(tmp_path / "talk.mp4", height=560, width=600)
    arguments = ["restore", str(source), str(tmp_path / "out"), "--method", method, "--mask", "square"]
    assert run(arguments) == 0
    check_kept(source, tmp_path / "out" / "talk" / "talk.mp4")


def test_a_phone_video_is_restored_upright(tmp_path: Path) -> None:
    source = write_film(tmp_path / "talk.mp4", scene(3), sound="aac", options=X264)
    set_display_matrix(source, 0, 1, -1, 0)
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT, "--as", "video"]) == 0
    result = Clip.open(tmp_path / "out" / "talk.mkv")
    assert (result.height, result.width) == (64, 48)
    np.testing.assert_array_equal(result.read(0, 3), Clip.open(source).read(0, 3))


def test_a_truncated_video_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_film(tmp_path / "talk.mp4", scene(50), options=X264, container={"movflags": "faststart"})
    source.write_bytes(source.read_bytes()[:-300])
    assert run(["restore", str(source), str(tmp_path / "out"), *SILENT]) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line and "talk.mp4: is truncated: " in line and "of 50 frames are there" in line


def test_degrade_and_align_say_what_pictures_do_not_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    phone_video(tmp_path / "clips" / "talk.mp4")
    lost = "talk: not kept in pictures: sound (aac), frame times (8.333 to 30.3 a second), pixel shape (4:3)"
    split = ["--split", "bi-x4", "--dataset", str(tmp_path / "clips"), "--engine", "serial"]
    assert run(["degrade", str(tmp_path / "lq"), *split]) == 0
    assert capsys.readouterr().err.splitlines().count(lost) == 1
    monkeypatch.setattr(
        face_tools,
        "load_finder",
        loads(lambda f: np.broadcast_to(FFHQ_512, (len(f), 5, 2))),
    )
    assert run(["align", str(tmp_path / "clips"), str(tmp_path / "aligned")]) == 0
    assert capsys.readouterr().err.splitlines().count(lost) == 1


def test_a_run_says_and_records_how_clips_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone_video(tmp_path / "clips" / "talk.mp4")
    arguments = ["--dataset", str(tmp_path / "clips"), "--layout", "folder", "--split", "bi-x4"]
    arguments += ["--only-method", "nearest", "--metric", "psnr", "--engine", "serial", "--no-report"]
    assert run(["run", "demo", *arguments, "--workspace", str(tmp_path / "w")]) == 0
    err = capsys.readouterr().err
    notes = [
        "its pixels are 4:3 wide, and taken as squares",
        "its frame rate varies (8.333 to 30.3 a second), all frames count alike",
    ]
    assert [err.count(f"talk: {note}") for note in notes] == [1, 1]
    from vfsrbench.results.store import read_result

    (path,) = (tmp_path / "w" / "results").rglob("*.parquet")
    assert [note in json.dumps(read_result(path).record.warnings) for note in notes] == [True, True]
