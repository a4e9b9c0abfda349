"""The command `restore` on videos in which the face has to be found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import method_folder, moving, write_clip
from tests.vfsrbench.clips import noise
from tests.vfsrbench.faces.known_finder import loads
from vfsrbench.cli.main import run
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import FFHQ_512, Alignment
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.ownership import NOTE


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of networks whose weights are not at hand: a face in every bright frame, and masks of ones."""

    def find(frames: np.ndarray) -> np.ndarray:
        return np.where(frames.mean((1, 2, 3))[:, None, None] > 50, FFHQ_512 + 20, np.nan)

    monkeypatch.setattr(face_tools, "load_finder", loads(find))
    monkeypatch.setattr(face_tools, "why_no_masks", lambda: "")
    monkeypatch.setattr(face_tools, "load_masks", lambda device: lambda faces: np.ones(faces.shape[:3], "f4"))


@pytest.fixture
def method(tmp_path: Path) -> str:
    """A face method that turns everything red."""
    act = "out[:, 0], out[:, 1:] = 1, 0"
    return method_folder(tmp_path, "red", act, more="input_size = [512, 512]")


def _video(folder: Path, level: int = 120) -> Path:
    return write_clip(folder, noise(2, 560, 600) // 8 + np.uint8(level))


def test_a_face_method_finds_faces_in_a_video(
    tools: None, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _video(tmp_path / "talk")
    assert run(["restore", str(source), str(tmp_path / "out"), "--method", method]) == 0
    assert "talk.mp4: 2 frames" in capsys.readouterr().out
    out = tmp_path / "out" / "talk"
    names = [
        NOTE, "alignment.json", "cropped_faces", "final_results", "restoration.json", "restored_faces",
        "talk.mp4",
    ]  # fmt: skip
    assert sorted(p.name for p in out.iterdir()) == names
    final = Clip.open(out / "final_results").read(0, 2)
    assert (final[:, 280, 280] == [255, 0, 0]).all()
    assert (final[:, :5] == Clip.open(source).read(0, 2)[:, :5]).all()
    assert Alignment.load(out / "alignment.json").sigma == 5


def test_options_reach_the_face_path(tools: None, method: str, tmp_path: Path) -> None:
    options = ["--as", "video", "--no-smooth", "--mask", "square", "--scale", "2", "--frames", "1"]
    source = _video(tmp_path / "talk")
    assert run(["restore", str(source), str(tmp_path / "out"), "--method", method, *options]) == 0
    video = Clip.open(tmp_path / "out" / "talk" / "talk.mkv")
    assert (len(video), video.height, video.width) == (1, 1120, 1200)
    assert Alignment.load(tmp_path / "out" / "talk" / "alignment.json").sigma == 0


def test_aligned_clips_are_restored_whole_and_so_are_others_on_request(
    tools: None, method: str, tmp_path: Path
) -> None:
    aligned = write_clip(tmp_path / "aligned", moving(2, 64))
    assert run(["restore", str(aligned), str(tmp_path / "out"), "--method", method]) == 0
    assert Clip.open(tmp_path / "out" / "aligned").read(0, 1)[0, 5, 5].tolist() == [255, 0, 0]
    video = _video(tmp_path / "talk")
    assert run(["restore", str(video), str(tmp_path / "out"), "--method", method, "--faces", "whole"]) == 0
    assert Clip.open(tmp_path / "out" / "talk").height == 512


def test_any_method_restores_faces_on_request(tools: None, tmp_path: Path) -> None:
    video = _video(tmp_path / "talk")
    arguments = ["restore", str(video), str(tmp_path / "out"), "--method", "nearest", "--faces", "find"]
    assert run([*arguments, "--as", "png"]) == 0
    assert not list((tmp_path / "out" / "talk").glob("talk.*"))
    final = Clip.open(tmp_path / "out" / "talk" / "final_results").read(0, 2)
    away = np.abs(final.astype(int) - Clip.open(video).read(0, 2))
    assert away.max() < 20 and (away[:, :5] == 0).all()


def test_clips_without_faces_fail_alone(
    tools: None, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _video(tmp_path / "in" / "dark", level=0)
    _video(tmp_path / "in" / "light")
    arguments = ["restore", str(tmp_path / "in"), str(tmp_path / "out"), "--method", method, "--as", "png"]
    assert run(arguments) == 3
    said = capsys.readouterr()
    assert "dark: failed: clip 'dark': no face was found" in said.err and "light: 2 frames" in said.out


def test_missing_weights_say_what_to_fetch(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    video = _video(tmp_path / "talk")
    assert run(["restore", str(video), str(tmp_path / "out"), "--method", method]) == 2
    assert "vfsrbench weights fetch retinaface_r50" in capsys.readouterr().err
    monkeypatch.setattr(face_tools, "load_finder", loads(lambda frames: frames))
    assert run(["restore", str(video), str(tmp_path / "out"), "--method", method, "--mask", "parse"]) == 2
    err = capsys.readouterr().err
    assert "vfsrbench weights fetch parsenet" in err and "--mask square" in err


def _random(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of random weights for the checkpoint; what is in it is not looked at here."""
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(folder))
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.untrained.safetensors").write_bytes(b"random")


def _notes(folder: Path) -> dict:
    return json.loads(next(folder.rglob("*restoration.json")).read_text())


def test_a_note_says_how_a_clip_was_made(tools: None, method: str, tmp_path: Path) -> None:
    video = _video(tmp_path / "talk")
    arguments = ["restore", str(video), str(tmp_path / "out"), "--method", method, "--seed", "3"]
    assert run([*arguments, "--mask", "square"]) == 0
    note = _notes(tmp_path / "out")
    assert (note["method"], note["clip"], note["frames"], note["seed"]) == ("red", "talk", 2, 3)
    assert (note["mask"], note["sigma"], note["upscale"], note["untrained"]) == ("square", 5.0, 1, False)
    assert "torch" in note["versions"]
    assert (
        run(["restore", str(video), str(tmp_path / "whole"), "--method", "nearest", "--faces", "whole"]) == 0
    )
    assert (tmp_path / "whole" / "talk.restoration.json").is_file()
    assert _notes(tmp_path / "whole")["method"] == "nearest"


@pytest.mark.parametrize(("checkpoint", "mask"), [("retinaface_r50", "square"), ("parsenet", "parse")])
def test_untrained_face_tools_are_told_and_noted(
    tools: None,
    method: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    checkpoint: str,
    mask: str,
) -> None:
    _random(tmp_path / "weights", checkpoint, monkeypatch)
    video = _video(tmp_path / "talk")
    assert run(["restore", str(video), str(tmp_path / "out"), "--method", method, "--mask", mask]) == 0
    assert f"warning: untrained weights ({checkpoint}): the results mean nothing" in capsys.readouterr().err
    assert _notes(tmp_path / "out")["untrained"] is True
    finder = Alignment.load(tmp_path / "out" / "talk" / "alignment.json")
    assert finder.untrained == (checkpoint == "retinaface_r50")


def test_an_untrained_method_is_told_and_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    act, more = "out[:, 0], out[:, 1:] = 1, 0", '[[weights]]\nname = "mynet"'
    folder = method_folder(tmp_path, "red", act, more=more)
    _random(tmp_path / "weights", "mynet", monkeypatch)
    source = write_clip(tmp_path / "clip", moving(2, 16))
    assert run(["restore", str(source), str(tmp_path / "out"), "--method", folder]) == 0
    assert "warning: untrained weights (red): the results mean nothing" in capsys.readouterr().err
    assert _notes(tmp_path / "out")["untrained"] is True
    assert Clip.open(tmp_path / "out" / "clip").height == 64  # the note is no part of the clips


def test_faces_are_never_restored_onto_their_video_or_somebodys_folder(
    tools: None, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _video(tmp_path / "in" / "talk")
    before = Clip.open(source).digest()
    assert run(["restore", str(source), str(source.parent), "--method", method]) == 2
    assert "holds the input" in capsys.readouterr().err
    assert [p.name for p in source.parent.iterdir()] == [source.name]
    assert Clip.open(source).digest() == before
    (tmp_path / "out" / "talk").mkdir(parents=True)
    (tmp_path / "out" / "talk" / "mine.png").write_text("mine")
    command = ["restore", str(source), str(tmp_path / "out"), "--method", method]
    assert run(command) == 2
    assert "was not made by vfsrbench" in capsys.readouterr().err
    (tmp_path / "out" / "talk" / "mine.png").rename(tmp_path / "mine.png")
    assert run(command) == 0 and run(command) == 0
    (tmp_path / "mine.png").rename(tmp_path / "out" / "talk" / "final_results" / "mine.png")
    assert run(command) == 2
    assert "'final_results/mine.png', which vfsrbench did not make" in capsys.readouterr().err
