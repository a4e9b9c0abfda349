"""The command `align`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.clips import picture_folder
from tests.vfsrbench.faces.known_finder import loads
from vfsrbench.cli.main import run
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import FFHQ_512, Alignment


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of RetinaFace, whose weights are not at hand: bright frames have a face, dark ones none."""

    def find(frames: np.ndarray) -> np.ndarray:
        bright = frames.mean((1, 2, 3)) > 50
        return np.where(bright[:, None, None], FFHQ_512, np.nan)

    monkeypatch.setattr(face_tools, "load_finder", loads(find, "retinaface"))


def _folder(root: Path, levels: dict[str, list[int]]) -> Path:
    for name, values in levels.items():
        frames = np.array(values, np.uint8)[:, None, None, None] + np.zeros((1, 520, 540, 3), np.uint8)
        picture_folder(root / name, frames)
    return root


def test_clips_become_aligned_clips_with_their_transforms(
    finder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _folder(tmp_path / "in", {"a": [100, 0, 120], "b": [90]})
    assert run(["align", str(source), str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "a: 3 frames, 1 of them without a face" in out and "b: 1 frame, 0" in out
    assert len(list((tmp_path / "out" / "a").glob("*.png"))) == 3
    assert Alignment.load(tmp_path / "out" / "a.alignment.json").sigma == 5


def test_no_smooth_and_frames(finder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = _folder(tmp_path / "in", {"a": [100, 110, 120]})
    arguments = ["align", str(source), str(tmp_path / "out"), "--frames", "2", "--no-smooth"]
    assert run(arguments) == 0 and run(arguments) == 0
    assert "2 frames, 0 of them without a face, was there already" in capsys.readouterr().out
    assert Alignment.load(tmp_path / "out" / "a.alignment.json").sigma == 0


def test_a_clip_without_faces_is_one_line_and_the_others_are_made(
    finder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _folder(tmp_path / "in", {"dark": [0, 0], "light": [100]})
    assert run(["align", str(source), str(tmp_path / "out")]) == 3
    said = capsys.readouterr()
    failed = [line for line in said.err.splitlines() if line.startswith("failed")]
    assert len(failed) == 1 and "clip 'dark': no face was found in any of the clip's 2 frames" in failed[0]
    assert (tmp_path / "out" / "light").is_dir() and not (tmp_path / "out" / "dark").exists()


def test_missing_weights_say_what_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    source = _folder(tmp_path / "in", {"a": [100]})
    assert run(["align", str(source), str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "Traceback" not in err
    assert "vfsrbench weights fetch retinaface_r50" in err and "detection_Resnet50_Final.pth" in err
    assert not (tmp_path / "out").exists()


def test_another_networks_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / "detection_Resnet50_Final.pth").write_bytes(b"something else")
    source = _folder(tmp_path / "in", {"a": [100]})
    assert run(["align", str(source), str(tmp_path / "out")]) == 2
    assert "is not the published file" in capsys.readouterr().err


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["align", str(tmp_path / "none"), str(tmp_path / "out")]) == 2
    assert "no such folder or video" in capsys.readouterr().err


def test_untrained_weights_are_told_and_noted(
    finder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    random = tmp_path / "retinaface_r50.untrained.safetensors"
    random.write_bytes(b"random")
    source = _folder(tmp_path / "in", {"a": [100]})
    arguments = ["align", str(source), str(tmp_path / "out")]
    assert run(arguments) == 0
    line = "warning: untrained weights (retinaface_r50): the results mean nothing"
    assert line in capsys.readouterr().err
    assert Alignment.load(tmp_path / "out" / "a.alignment.json").untrained
    random.unlink()  # as if the published file had taken its place
    assert run(arguments) == 3
    err = capsys.readouterr().err
    assert "made with untrained weights; --replace it" in err and line not in err
    assert run([*arguments, "--replace"]) == 0
    assert not Alignment.load(tmp_path / "out" / "a.alignment.json").untrained


def _contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("out", ["in", "in/a", "in/new", ".", "link"])
def test_the_input_is_never_written_to(
    finder: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    out: str,
) -> None:
    _folder(tmp_path / "in", {"a": [100]})
    (tmp_path / "link").symlink_to("in")
    monkeypatch.chdir(tmp_path)
    before = _contents(tmp_path)
    assert run(["align", "in", out, "--replace"]) == 2
    assert "input" in capsys.readouterr().err and _contents(tmp_path) == before


def test_replace_never_replaces_what_somebody_else_made(
    finder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["align", str(_folder(tmp_path / "in", {"a": [100], "b": [90]})), str(tmp_path / "out")]
    _folder(tmp_path / "out", {"b": [7]})
    before = _contents(tmp_path)
    for more in ([], ["--replace"]):
        assert run([*arguments, *more]) == 2
        said = capsys.readouterr()
        assert "out/b: is there already and was not made by vfsrbench" in said.err and not said.out
    (tmp_path / "out" / "b.alignment.json").write_text("mine")
    assert run([*arguments, "--replace"]) == 2
    (tmp_path / "out" / "b.alignment.json").unlink()
    assert _contents(tmp_path) == before


def test_our_own_clips_are_replaced_unless_something_else_lies_there(
    finder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["align", str(_folder(tmp_path / "in", {"a": [100, 110]})), str(out)]
    assert run(arguments) == 0 and run([*arguments, "--replace"]) == 0
    (out / "a.alignment.json").unlink()  # killed before it was written
    assert run(arguments) == 0 and (out / "a.alignment.json").is_file()
    (out / "a" / "notes.txt").write_text("mine")
    assert run(arguments) == 0, "nothing is to be done"
    assert run([*arguments, "--replace"]) == 2
    assert "'notes.txt', which vfsrbench did not make" in capsys.readouterr().err
    assert (out / "a" / "notes.txt").read_text() == "mine"
