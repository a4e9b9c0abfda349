"""Boards, data and outputs that cannot be used are named in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, moving, write_clip
from tests.vfsrbench.cli.commands import fails, works
from vfsrbench.cli import main


def test_mistakes_on_the_command_line_are_one_line(capsys, board: str, tmp_path: Path):
    assert "did you mean 'run'" in fails(capsys, "rum")
    assert "--wrkspace" in fails(capsys, "run", board, "--wrkspace", "x")
    assert "'board'" in fails(capsys, "run")
    assert "did you mean 'demo'" in fails(capsys, "run", "deno")
    assert "must be NAME=PATH" in fails(capsys, "run", board, "--outputs", "x")
    assert "given twice" in fails(capsys, "run", board, "--outputs", "x=a", "--outputs", "x=b")
    assert "256" in fails(capsys, "run", board, "-w", tmp_path / "w", "--workers", "99999")
    assert "--workers" in fails(capsys, "run", board, "-w", tmp_path / "w", "--workers", "0")
    assert "did you mean 'local'" in fails(capsys, "run", board, "-w", tmp_path / "w", "--engine", "locl")
    assert "nowhere" in fails(capsys, "run", board, "-w", tmp_path / "w", "--dataset", tmp_path / "nowhere")
    assert "no such board file" in fails(capsys, "run", tmp_path / "none.toml")
    assert "`vfsrbench run BOARD` makes them" in fails(capsys, "report", board, "-w", tmp_path / "empty")


def test_mistakes_in_a_board_file_name_the_file_and_the_key(capsys, board: str, tmp_path: Path):
    text = Path(board).read_text()
    file = tmp_path / "bad.toml"
    file.write_text(text.replace("methods", "method"))
    assert "bad.toml: unknown key 'method', did you mean 'methods'?" in fails(capsys, "run", file)
    file.write_text(text.replace('title = "Small"', 'title = "Small'))
    assert "bad.toml: TOML syntax error" in fails(capsys, "run", file) and "line 2" in fails(
        capsys, "run", file
    )
    file.write_text(text.replace('/m"', '/m[w=1]"'))
    assert "has no options" in fails(capsys, "run", file, "-w", tmp_path / "w")


def _empty(data: Path) -> None:
    (data / "none").mkdir()
    for clip in ("one", "two"):
        shutil.rmtree(data / clip)


def _cut(data: Path) -> None:
    picture = data / "one" / "00000003.png"
    picture.write_bytes(picture.read_bytes()[:60])


def _mixed(data: Path) -> None:
    wide = write_clip(data.parent / "wide", moving(4, side=64))
    shutil.copy(wide / "00000003.png", data / "two" / "00000003.png")


SPOILT = {
    "zero-byte picture": (lambda data: (data / "one" / "00000002.png").write_bytes(b""), "00000002.png"),
    "truncated picture": (_cut, "00000003.png"),
    "no picture": (lambda data: (data / "one" / "00000004.png").write_text("hello"), "00000004.png"),
    "sizes differ": (_mixed, "64x64"),
    "video without frames": (lambda data: (data / "three.mp4").write_bytes(b"\0" * 64), "three.mp4"),
    "pictures of a kind we cannot read": (lambda data: (data / "one" / "x.webp").touch(), "webp"),
}


@pytest.mark.parametrize(("spoil", "named"), [(shutil.rmtree, "no such folder"), (_empty, "holds no clips")])
def test_data_that_cannot_be_used_is_named_before_any_work(
    capsys, board: str, tmp_path: Path, spoil, named: str
):
    spoil(tmp_path / "data")
    line = fails(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial")
    assert named in line and not list((tmp_path / "w" / "results").iterdir())


@pytest.mark.parametrize("what", SPOILT)
def test_a_clip_that_cannot_be_used_is_named_and_the_others_go_on(
    capsys, board: str, tmp_path: Path, what: str
):
    spoil, named = SPOILT[what]
    spoil(tmp_path / "data")
    assert main.run(["run", board, "-w", str(tmp_path / "w"), "--engine", "serial"]) == 3
    said = capsys.readouterr().err
    assert f"failed: {tmp_path / 'data'}" in said and named in said and "Traceback" not in said
    assert "1 failed, " in said and " ok; " in said


def test_outputs_that_do_not_fit_are_named(capsys, board: str, tmp_path: Path):
    run = ["run", board, "-w", tmp_path / "w", "--engine", "serial", "--outputs"]
    assert "no such folder" in fails(capsys, *run, f"x={tmp_path / 'nowhere'}")
    empty = write_clip(tmp_path / "partial" / "other", moving(12)).parent
    assert "no output for clip 'one'" in fails(capsys, *run, f"x={empty}")
    assert "its ground truth has 12" in fails(capsys, *run, f"x={data_set(tmp_path / 'short', frames=10)}")
    assert "its ground truth is 32x32" in fails(capsys, *run, f"x={data_set(tmp_path / 'wide', side=64)}")
    shifted = data_set(tmp_path / "shifted")
    (shifted / "one" / "00000000.png").rename(shifted / "one" / "00000099.png")
    assert main.run([str(a) for a in (*run, f"x={shifted}")]) == 3
    said = capsys.readouterr().err
    assert "x, bi-x4, one: failed: " in said and "frames are paired by name" in said
    assert "1 failed, 3 ok" in said


def test_manifests_that_lead_outside_are_refused(capsys, tmp_path: Path):
    data, out = data_set(tmp_path / "data", frames=3), tmp_path / "lq"
    works(capsys, "degrade", out, "--split", "bi-x4", "--dataset", data, "--engine", "serial")
    manifest = out / "bi-x4" / "manifest.json"
    content = json.loads(manifest.read_text())
    for name in ("../one", "/etc/passwd", "a/../../b", "C:/x", "a\\b"):
        changed = {**content, "clips": {name: content["clips"]["one"]}}
        manifest.write_text(json.dumps(changed))
        assert "plain relative name" in fails(capsys, "verify", out)
    manifest.write_text("{")
    assert "is not JSON" in fails(capsys, "verify", out)
    assert "no such manifest" in fails(capsys, "verify", out, "--manifest", tmp_path / "none.json")
    assert "holds no manifest.json" in fails(capsys, "verify", tmp_path / "data")
