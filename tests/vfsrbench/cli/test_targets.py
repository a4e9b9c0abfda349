"""Where results may go: never onto an input, never over a file that is not ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise, picture_folder
from tests.vfsrbench.targets import refused, restore, working_place, works
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.ownership import NOTE


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(working_place(tmp_path))
    return tmp_path


def test_results_of_ours_that_are_read_through_links_are_inputs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *restore("clips", "o"))
    (here / "farm" / "a").mkdir(parents=True)
    for picture in (here / "o" / "a").glob("*.png"):
        (here / "farm" / "a" / picture.name).symlink_to(picture)
    for out, more in (("o", []), ("o", ["--as", "video"]), ("o/a", [])):
        assert "holds the input" in refused(capsys, here, *restore("farm", out, *more))
    works(capsys, "degrade", "split", "--split", "bi-x4", "--layout", "folder", "--dataset", "clips")
    (here / "split-farm" / "a").mkdir(parents=True)
    for picture in (here / "split" / "bi-x4" / "a").glob("*.png"):
        (here / "split-farm" / "a" / picture.name).symlink_to(picture)
    arguments = ("degrade", "split", "--split", "bi-x4", "--layout", "folder", "--dataset", "split-farm")
    assert "holds the input" in refused(capsys, here, *arguments)


@pytest.mark.parametrize(
    ("source", "out", "more"),
    [
        ("clips", "clips", ["--frames", "3"]),
        ("clips", "clips/a", []),
        ("clips", "clips/../clips", []),
        ("clips", "clips/new", []),
        ("clips/a", "clips", []),
        ("clips/a", ".", []),
        ("clips", ".", []),
        ("clips", "link", []),
        ("link", "clips", []),
        ("link/a", "clips/a/deep/er", []),
        ("v/a.mkv", "v", ["--as", "video"]),
        ("v/a.mkv", ".", ["--as", "h264"]),
        ("v", "./v", ["--as", "video"]),
        ("aside/a", "clips", []),
    ],
)
def test_restore_never_writes_onto_into_or_around_its_input(
    here: Path, capsys: pytest.CaptureFixture[str], source: str, out: str, more: list[str]
) -> None:
    (here / "link").symlink_to("clips")
    (here / "aside").mkdir()
    (here / "aside" / "a").symlink_to(here / "clips" / "a")
    line = refused(capsys, here, *restore(source, out, *more))
    assert "input" in line and "choose another place" in line


def test_a_link_among_the_results_that_leads_to_the_input_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "o").mkdir()
    (here / "o" / "a").symlink_to(here / "clips" / "a")
    assert "input" in refused(capsys, here, *restore("clips", "o"))
    (here / "o" / "a.mkv").symlink_to(here / "v" / "a.mkv")
    assert "is the input v/a.mkv" in refused(capsys, here, *restore("v", "o", "--as", "video"))
    (here / "o" / "a.mkv").unlink()
    os.link(here / "v" / "a.mkv", here / "o" / "a.mkv")
    assert "is the input v/a.mkv" in refused(capsys, here, *restore("v", "o", "--as", "video"))


def test_the_result_of_one_clip_is_never_written_over_another_clip(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *restore("v", "o", "--as", "video"))
    os.link(here / "o" / "a.mkv", here / "v" / "b.mkv")  # b is what a's result would replace
    assert "is the input v/b.mkv" in refused(capsys, here, *restore("v", "o", "--as", "video"))


@pytest.mark.parametrize("out", ["clips/a/00000000.png", "v/a.mkv", "file", "file/below", "fifo", "nowhere"])
def test_a_target_that_is_no_folder_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    (here / "file").write_text("mine")
    os.mkfifo(here / "fifo")
    (here / "nowhere").symlink_to("gone")
    picture_folder(here / "other" / "a", noise(2, 16, 16))
    line = refused(capsys, here, *restore("other", out))
    assert "choose another" in line


def test_names_that_are_too_long_are_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "File name too long" in refused(capsys, here, *restore("clips", "x" * 300))
    assert "File name too long" in refused(capsys, here, "new", "x" * 300)
    assert "File name too long" in refused(capsys, here, "degrade", "x" * 300, "--split", "bi-x4")


def test_a_foreign_folder_is_never_replaced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "o" / "a").mkdir(parents=True)
    (here / "o" / "a" / "precious.png").write_bytes(b"mine")
    assert "was not made by vfsrbench" in refused(capsys, here, *restore("clips", "o"))


@pytest.mark.parametrize("place", ["o/a/notes.txt", "o/a/deep/notes.txt", "o/a/deep/empty/"])
def test_a_foreign_file_in_our_folder_is_named_and_stays(
    here: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    works(capsys, *restore("clips", "o"))
    if place.endswith("/"):
        (here / place).mkdir(parents=True)
    else:
        (here / place).parent.mkdir(exist_ok=True)
        (here / place).write_text("mine")
    line = refused(capsys, here, *restore("clips", "o"))
    assert repr(place.removeprefix("o/a/").rstrip("/")) in line and "move it away" in line


def test_a_frame_of_ours_that_somebody_retouched_is_somebodys(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *restore("clips", "o"))
    shutil.copyfile(here / "clips" / "a" / "00000001.png", here / "o" / "a" / "00000000.png")
    line = refused(capsys, here, *restore("clips", "o"))
    assert "'00000000.png', which was changed since vfsrbench made it" in line


@pytest.mark.parametrize("form", ["png", "video", "h264"])
def test_our_own_results_are_replaced_without_ceremony(
    here: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    works(capsys, *restore("clips", "o", "--as", form))
    works(capsys, *restore("clips", "o", "--as", form, "--frames", "3"))
    place = here / "o" / {"png": "a", "video": "a.mkv", "h264": "a.mp4"}[form]
    assert len(Clip.open(place)) == 3
    assert sorted(p.name for p in (here / "o").iterdir()) == [NOTE, place.name, "a.restoration.json"]
    shutil.copytree(here / "o", here / "p")  # the note goes where the results go
    works(capsys, *restore("clips", "p", "--as", form))


@pytest.mark.parametrize("name", ["a.mkv", "a.restoration.json"])
@pytest.mark.parametrize("kind", ["file", "fifo", "link", "folder"])
def test_a_foreign_file_is_never_replaced(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    picture_folder(here / "other" / "b", noise(2, 16, 16))
    works(capsys, *restore("other", "o", "--as", "video"))  # the folder is ours, that file is not
    target = here / "o" / name
    make = {
        "file": lambda: target.write_bytes(b"mine"),
        "fifo": lambda: os.mkfifo(target),
        "link": lambda: target.symlink_to("elsewhere"),
        "folder": target.mkdir,
    }
    make[kind]()
    line = refused(capsys, here, *restore("v", "o", "--as", "video"))
    assert f"o/{name}: is there already" in line


def test_a_video_that_somebody_put_in_the_place_of_ours_stays(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    works(capsys, *restore("clips", "o", "--as", "video"))
    shutil.copyfile(here / "v" / "a.mkv", here / "o" / "a.mkv")
    assert "was changed since vfsrbench made it" in refused(
        capsys, here, *restore("clips", "o", "--as", "video")
    )


def test_a_result_that_was_cut_off_half_way_is_made_again(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture_folder(here / "clips" / "b", noise(2, 16, 16))
    works(capsys, *restore("clips", "o"))
    (here / "o" / "a.restoration.json").unlink()  # killed between the frames and their note
    shutil.rmtree(here / "o" / "b")  # killed while the old folder stood aside
    with (here / "o" / NOTE).open("a") as note:
        note.write('{"file": "b.rest')  # killed while it was noted
    works(capsys, *restore("clips", "o"))
    works(capsys, *restore("clips", "o"))
    assert len(Clip.open(here / "o" / "a")) == 7 and len(Clip.open(here / "o" / "b")) == 2


KILLED = """
import os, signal, sys
from vfsrbench.io.images import folder
from vfsrbench.cli.main import run
real, count = folder.encode_png, 0
def encode(*arguments):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
folder.encode_png = encode
run(sys.argv[1:])
"""


@pytest.mark.parametrize("verb", ["restore", "degrade"])
def test_what_a_killed_process_left_goes_away_and_what_is_like_it_stays(
    here: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    command = [str(a) for a in restore("clips", "o")]
    out = here / "o"
    if verb == "degrade":
        command = ["degrade", "o", "--dataset", "clips", "--split", "bi-x4", "--engine", "serial"]
        out = here / "o" / "bi-x4"
    root = Path(__file__).parents[3]
    script = [sys.executable, "-c", KILLED, *command]
    killed = subprocess.run(script, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = [p.name for p in out.iterdir() if ".part" in p.name]
    assert left, "the process was killed while it wrote"
    alike = [".0123456789ab.part", "mine.part", left[0].replace(".part", ".party")]
    for name in alike:
        (out / name).write_text("mine")
    works(capsys, *command)
    assert sorted(p.name for p in out.iterdir() if ".part" in p.name) == sorted(alike)
