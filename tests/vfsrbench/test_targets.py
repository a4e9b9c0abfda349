"""What the verbs may write to: never an input, never a file that is not ours, never one place twice."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vfsrbench.clips import noise, picture_folder
from vfsrbench.cli.main import run
from vfsrbench.clip import Clip, write_video
from vfsrbench.io.ownership import NOTE

Said = Callable[[], str]


def tree(root: Path) -> dict[str, bytes | str]:
    """Every file below, with its content, and every link, with where it leads."""
    found: dict[str, bytes | str] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def refused(capsys: pytest.CaptureFixture[str], root: Path, *arguments: object) -> str:
    """The one line of a command that ends with exit code 2 and leaves `root` as it was."""
    before = tree(root)
    assert run([str(a) for a in arguments]) == 2
    line = capsys.readouterr().err.strip()
    assert len(line.splitlines()) == 1 and line.startswith("vfsrbench: ")
    assert tree(root) == before
    return line


def works(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command prints that ends with exit code 0."""
    code = run([str(a) for a in arguments])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


def restore(source: object, out: object, *more: object) -> list[object]:
    return ["restore", source, out, "--method", "nearest", "--scale", "1", *more]


@pytest.fixture()
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a clip as pictures in `clips/a`, and one as a video in `v/a.mkv`."""
    picture_folder(tmp_path / "clips" / "a", noise(7, 16, 16))
    (tmp_path / "v").mkdir()
    write_video(tmp_path / "v" / "a.mkv", noise(3, 16, 16), 25)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


NFC, NFD = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("talk.mkv", "talk.avi", "two clips are called 'talk' ("),
        ("Talk.mkv", "talk.mkv", "'Talk' ("),
        (f"{NFC}.mkv", f"{NFD}.mkv", r"'caf\xe9' ("),
        ("ﬁlm.mkv", "film.mkv", r"'\ufb01lm' ("),
    ],
)
@pytest.mark.parametrize("verb", ["restore", "align", "degrade", "run", "score"])
def test_two_clips_that_would_be_one_are_refused_by_every_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, first: str, second: str, said: str
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in (first, second):
        write_video(clips / name, noise(2, 16, 16), 25)
    if len(list(clips.iterdir())) < 2:
        pytest.skip("this file system does not tell them apart either")
    place = ["--dataset", clips, "-w", tmp_path / "w"]
    arguments = {
        "restore": restore(clips, tmp_path / "o"),
        "align": ["align", clips, tmp_path / "o"],
        "degrade": ["degrade", tmp_path / "o", "--split", "bi-x4", "--dataset", clips],
        "run": ["run", "demo", *place, "--engine", "serial"],
        "score": ["score", "--outputs", f"x={clips}", *place, "--engine", "serial"],
    }
    assert run([str(a) for a in arguments[verb]]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.isascii() and said in line and "rename one" in line
    assert sum(name in line for name in (ascii(first)[1:-1], ascii(second)[1:-1])) == 2
    assert not (tmp_path / "o").exists()


def test_outputs_and_recipes_of_one_name_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "degradations" / "recipes" / "bi-x4.toml").read_text()
    for name in ("one", "two"):
        (here / f"{name}.toml").write_text(text)
    line = refused(
        capsys, here, "degrade", "o", "--dataset", "clips", "--split", "./one.toml", "--split", "./two.toml"
    )
    assert "two recipes are called 'bi-x4'" in line
    line = refused(
        capsys, here, "score", "--dataset", "clips", "--outputs", "Mine=clips", "--outputs", "mine=clips"
    )
    assert "'Mine'" in line and "'mine'" in line
