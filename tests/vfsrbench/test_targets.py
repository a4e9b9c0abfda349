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
        patch.setattr("vfsrbench.degrading.write_png_folder", lambda *a, **k: 1 / 0)
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


def test_ctrl_c_leaves_a_manifest_of_what_is_done(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vfsrbench import degrading

    picture_folder(here / "clips" / "b", noise(3, 16, 16))
    real = degrading.write_png_folder

    def stopped(path: Path, *more: object, **how: object) -> None:
        if path.name == "b":
            raise KeyboardInterrupt
        real(path, *more, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(degrading, "write_png_folder", stopped)
    assert run([str(a) for a in degrade("lq", "--dataset", "clips")]) == 130
    assert set(_manifest(here)) == {"a"}


def _manifest(here: Path) -> dict[str, object]:
    import json

    return json.loads((here / "lq" / "bi-x4" / "manifest.json").read_text())["clips"]


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
