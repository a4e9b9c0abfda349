"""What the command line says of checkpoints that do not fit and of odd clips: one line, exit code 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.boards import method_folder, write_clip
from vfsrbench.cli.main import run
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.weights.receipts import update_receipt

METHODS = (
    "codeformer", "keep", "gfpgan", "restoreformer", "restoreformerpp", "gpen", "vqfr", "basicvsr",
    "basicvsrpp", "realbasicvsr", "edvr", "secnet",
)  # fmt: skip


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which the command ends."""
    assert run([str(a) for a in arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("vfsrbench: ")
    return lines[0]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip", np.full((2, 16, 16, 3), 90, np.uint8))


def install(method: str, root: Path, content: bytes, pointed: bool) -> Path:
    """The file as the method's checkpoint: under the weights folder, or where the user pointed to."""
    card = choose_method(method).card
    (use,) = card.weights_for(dict(choose_method(method).options))
    path = root / ("mine.bin" if pointed else f"{use.name}.pth")
    path.write_bytes(content)
    if pointed:
        update_receipt(root, use.name, path=str(path))
    return path


@pytest.mark.parametrize("pointed", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_truncated_file_and_an_empty_one(
    method: str,
    pointed: bool,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    torch.save({"params_ema": {"conv.weight": torch.zeros(8, 3, 3, 3)}}, tmp_path / "other")
    for content in ((tmp_path / "other").read_bytes()[:300], b""):
        path = install(method, tmp_path, content, pointed)
        line = refusal(capsys, "restore", clip, tmp_path / "out", "--method", method, "--faces", "whole")
        assert str(path) in line
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["basicvsr", "edvr", "secnet", "realbasicvsr"])
def test_another_networks_file(
    method: str,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The face methods, whose networks are large, are asked the same without the command line."""
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    torch.save({"params": {"conv.weight": torch.zeros(8, 3, 3, 3)}}, tmp_path / "other")
    path = install(method, tmp_path, (tmp_path / "other").read_bytes(), pointed=True)
    line = refusal(capsys, "restore", clip, tmp_path / "out", "--method", method)
    assert str(path) in line and not (tmp_path / "out").exists()


def test_a_method_that_cannot_be_loaded_stops_before_the_first_clip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(method_folder(tmp_path, "lazy"))
    code = (folder / "code.py").read_text().replace("import ", "import does_not_exist\nimport ", 1)
    (folder / "code.py").write_text(code)
    for name in ("a", "b"):
        write_clip(tmp_path / "clips" / name, np.full((1, 16, 16, 3), 90, np.uint8))
    line = refusal(capsys, "restore", tmp_path / "clips", tmp_path / "out", "--method", folder)
    assert "lazy" in line and "does_not_exist" in line


def test_basicsr_that_is_not_installed_is_said_once(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "basicsr", None)
    for spec in ("basicsr", "basicsr:EDVR", "basicsr:EDVR[frames=5]"):
        line = refusal(capsys, "restore", clip, tmp_path / "out", "--method", spec)
        assert "the package basicsr is not installed; pip install 'vfsrbench[basicsr]'" in line


def test_an_empty_folder_is_no_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    line = refusal(capsys, "restore", tmp_path / "empty", tmp_path / "out", "--method", "bicubic")
    assert "holds no clips" in line


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 16, 16), (2, 17, 23)])
def test_one_frame_and_odd_sides_pass(frames: int, height: int, width: int, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip", np.full((frames, height, width, 3), 90, np.uint8))
    assert run(["restore", str(source), str(tmp_path / "out"), "--method", "bicubic"]) == 0
    made = Clip.open(tmp_path / "out" / "clip")
    assert (len(made), made.height, made.width) == (frames, 4 * height, 4 * width)
