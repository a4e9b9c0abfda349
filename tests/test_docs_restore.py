"""The commands of docs/restore.md, run on a small video: every method and option is real, the networks are
not (their weights are not at hand)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import method_folder
from tests.vfsrbench.clips import noise
from tests.vfsrbench.faces.known_finder import loads
from vfsrbench.cli.main import run
from vfsrbench.faces import face_tools
from vfsrbench.faces.ffhq_align import FFHQ_512, Alignment
from vfsrbench.io.clip import Clip, write_video
from vfsrbench.method_spec import Method, choose_method
from vfsrbench.restoration import files

PAGE = Path(__file__).parents[1] / "docs" / "restore.md"


def commands(section: str) -> list[list[str]]:
    """The lines of the section's shell blocks, without the program's name."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.strip().splitlines()]
    assert lines and all(line[0] == "vfsrbench" for line in lines)
    return [line[1:] for line in lines]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A video `talk.mp4` in the current folder; a finder, masks and a method that need no weights. Filled
    with the methods that were asked for, each of which is built without them."""
    frames = noise(3, 512, 520) // 8 + np.uint8(120)
    write_video(tmp_path / "talk.mp4", iter(frames), 25.0, "h264")
    stand_in = method_folder(tmp_path, "red", "out[:, 0], out[:, 1:] = 1, 0", more="input_size = [512, 512]")
    names: list[str] = []

    def choose(spec: str) -> Method:
        method = choose_method(spec)
        assert method.card.input_size == (512, 512) and method.build().card.name == method.card.name
        names.append(method.id)
        return choose_method(stand_in)

    def find(frames: np.ndarray) -> np.ndarray:
        return np.tile(FFHQ_512 + 10, (len(frames), 1, 1))

    monkeypatch.setattr(files, "choose_method", choose)
    monkeypatch.setattr(face_tools, "load_finder", loads(find))
    monkeypatch.setattr(face_tools, "why_no_masks", lambda: "")
    monkeypatch.setattr(face_tools, "load_masks", lambda device: lambda faces: np.ones(faces.shape[:3], "f4"))
    monkeypatch.chdir(tmp_path)
    return names


def test_options(asked: list[str], tmp_path: Path) -> None:
    for line in commands("Options"):
        assert run([*line, "--frames", "1"]) == 0, line
    methods = ["keep", "keep[stream=true]", "codeformer[w=0.8]", "gfpgan", "restoreformerpp", "gpen"]
    assert asked == methods
    written = PAGE.read_text(encoding="utf-8").split("## What is written")[1].split("\n## ")[0]
    parts = {name.rstrip("/") for name in re.findall(r"^\| `([^`]+)` \|", written, re.MULTILINE)}
    assert {path.name for path in (tmp_path / "out" / "talk").glob("[!.]*")} == parts
    assert Alignment.load("out/talk/alignment.json").sigma == 5
    assert Alignment.load("out/square/talk/alignment.json").sigma == 0
    large = Clip.open(tmp_path / "out/large/talk/talk.mkv")
    assert (large.height, large.width) == (1024, 1040)
    assert not list((tmp_path / "out/pictures/talk").glob("*.mp4"))


def test_step_by_step(asked: list[str], tmp_path: Path) -> None:
    for line in commands("Step by step"):
        assert run(line) == 0, line
    assert asked == ["codeformer"]
    assert Alignment.load("aligned/talk.alignment.json").sigma == 5
    assert Alignment.load("trembling/talk.alignment.json").sigma == 0
    assert len(Clip.open(tmp_path / "restored/talk")) == 3
    assert (tmp_path / "restored/talk.restoration.json").is_file()


def test_a_face_that_comes_and_goes(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page says of lost faces: the neighbours' place, a count, and which frames they are."""
    seen = iter([FFHQ_512 + 10, np.full((5, 2), np.nan), FFHQ_512 + 14])

    def find(frames: np.ndarray) -> np.ndarray:
        return np.stack([next(seen) for _ in frames])

    monkeypatch.setattr(face_tools, "load_finder", loads(find))
    assert run(["restore", "talk.mp4", "out", "--method", "keep", "--no-smooth", "--as", "png"]) == 0
    assert "talk: 1 frame without a face, interpolated" in capsys.readouterr().err
    alignment = Alignment.load("out/talk/alignment.json")
    assert alignment.found.tolist() == [True, False, True]
    assert np.allclose(alignment.landmarks[1], FFHQ_512 + 12)
