"""Methods that are commands: frames out through a folder and back, in runs, `restore`, `check`, the API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import vfsrbench as vb
from tests.vfsrbench.boards import data_set, moving, run_with, small_board
from vfsrbench.cli.main import run
from vfsrbench.method_spec import choose_method
from vfsrbench.runs.keys import method_facts
from vfsrbench.weights.resolve import resolve_weights

CARD = """
name = "tool"
title = "Tool"
kind = "video"
command = "python infer.py {input} {output} --seed {seed} --shade {shade} --net {net}"
time_limit = TIME
files = ["../elsewhere"]
description = "a test's command"
licence = "MIT"

[[weights]]
file = "net.bin"

[options.shade]
type = "int"
default = 0
help = "added"
"""
CODE = """
import sys
from pathlib import Path
from PIL import Image
given, made, seed, shade, net = sys.argv[1], sys.argv[2], *sys.argv[4::2]
print("restoring with", Path(net).read_text(), "seed", int(seed))
for path in sorted(Path(given).iterdir()):
    frame = Image.open(path)
    out = frame.resize((4 * frame.width, 4 * frame.height), Image.Resampling.NEAREST)
    MORE
    out.save(Path(made) / path.name)
"""


def tool(root: Path, more: str = "pass", limit: str = "60", code: str = CODE) -> str:
    """A folder with a card, its program, its checkpoint, and a file elsewhere that the card names."""
    folder = root / "tool"
    folder.mkdir(exist_ok=True)
    (root / "elsewhere").mkdir(exist_ok=True)
    (root / "elsewhere" / "lib.py").write_text("x = 1\n")
    (folder / "card.toml").write_text(CARD.replace("TIME", limit))
    (folder / "infer.py").write_text(code.replace("MORE", more))
    (folder / "net.bin").write_text("trained")
    return str(folder)


@pytest.fixture(autouse=True)
def own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)


def test_a_board_has_a_command_beside_other_methods(tmp_path: Path) -> None:
    board = small_board(data_set(tmp_path / "data"), ["nearest", tool(tmp_path)], splits=["bi-x4"])
    summary = run_with(board, tmp_path / "w")
    assert {(r.method, r.status) for r in summary.records.values()} == {("nearest", "ok"), ("tool", "ok")}
    by = {(r.method, r.clip): r for r in summary.records.values()}
    for clip in ("one", "two"):  # what passes through the folders is not changed by it
        assert by["tool", clip].restored_digest == by["nearest", clip].restored_digest
    assert [*by["tool", "one"].weights] == ["tool"]
    logs = sorted((tmp_path / "w" / "logs" / "commands" / "tool").iterdir())
    assert [path.name for path in logs] == ["bi-x4.one.log", "bi-x4.two.log"]
    assert "restoring with trained seed" in logs[0].read_text()
    again = run_with(board, tmp_path / "w")
    wrote = {r.run for r in summary.records.values()}
    assert {r.run for r in again.records.values()} == wrote, "it is found again by its key"


def test_options_and_pictures_reach_the_command_through_the_api(tmp_path: Path) -> None:
    folder = tool(tmp_path, "out = out.point(lambda value: value + int(shade))")
    frames = moving(3, 8) // 2
    restored = vb.restore(frames, f"{folder}[shade=7]", device="cpu")
    assert np.array_equal(restored.array(), frames.repeat(4, 1).repeat(4, 2) + 7)


def facts_of(folder: str) -> object:
    method = choose_method(folder)
    return method_facts(method, resolve_weights(method.card.weights_for(dict(method.options))))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("tool/infer.py", "print(2)\n"),
        ("tool/net.bin", "trained longer"),
        ("elsewhere/lib.py", "x = 2\n"),
        ("tool/card.toml", CARD.replace("TIME", "60").replace("--net", "--weights")),
    ],
)
def test_the_key_has_the_command_and_what_the_card_names(tmp_path: Path, file: str, text: str) -> None:
    folder = tool(tmp_path)
    before = facts_of(folder)
    assert facts_of(folder) == before
    (tmp_path / file).write_text(text)
    assert facts_of(folder) != before


def test_a_file_in_the_command_itself_is_in_the_key(tmp_path: Path) -> None:
    folder = Path(tool(tmp_path))
    (tmp_path / "main.py").write_text("print(1)")
    card = (folder / "card.toml").read_text().replace("python infer.py", f"python {tmp_path / 'main.py'}")
    (folder / "card.toml").write_text(card)
    before = facts_of(str(folder))
    (tmp_path / "main.py").write_text("print(2)")
    assert facts_of(str(folder)) != before


def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], **how: str) -> str:
    """What `restore` says of a command that fails."""
    vb.Clip.from_array(moving(2, 8), "clip").write(tmp_path / "clip")
    assert run(["restore", "clip", "out", "--method", tool(tmp_path, **how)]) == 3
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and "(log: " in text
    log = Path(text.rpartition("(log: ")[2].rstrip(")\n"))
    assert log.is_file() and log.is_relative_to("out/logs/tool")
    return text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("raise RuntimeError('no memory left')", "ended with exit code 1: "),
        ("raise RuntimeError('no memory left')", "no memory left"),
        ("out = frame", "left frames of 8x8, asked for are 32x32"),
        ("out.save(made + '/extra.png')", "was given 2 frames and left 3"),
        ("made = given", "left no pictures and no video in {output}"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by signal 11"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line_with_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, words: str
) -> None:
    assert words in said(tmp_path, capsys, more=more)


def test_a_command_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(tool(tmp_path))
    card = (folder / "card.toml").read_text().replace("python infer.py", "/no/such/program")
    (folder / "card.toml").write_text(card)
    vb.Clip.from_array(moving(2, 8), "clip").write(tmp_path / "clip")
    assert run(["restore", "clip", "out", "--method", str(folder)]) == 3
    assert "cannot be started: /no/such/program: No such file or directory" in capsys.readouterr().err


GRANDCHILD = """
import subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
Path("child").write_text(str(child.pid))
time.sleep(300)
"""


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_after_its_time_limit_nothing_of_a_command_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert "was not done after 1 s (time_limit on its card)" in said(
        tmp_path, capsys, code=GRANDCHILD, limit="1"
    )
    assert time.monotonic() - began < 5, "a command that heeds SIGTERM is not waited for"
    assert gone(int((tmp_path / "tool" / "child").read_text()))


def test_a_command_does_not_outlive_a_killed_run(tmp_path: Path) -> None:
    folder = tool(tmp_path, code=GRANDCHILD)
    vb.Clip.from_array(moving(2, 8), "clip").write(tmp_path / "clip")
    line = [sys.executable, "-m", "vfsrbench", "restore", "clip", "out", "--method", folder]
    process = subprocess.Popen(line, env={**os.environ, "PYTHONPATH": str(Path(vb.__file__).parents[1])})
    note = tmp_path / "tool" / "child"
    end = time.monotonic() + 30
    while not (note.is_file() and note.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(int(note.read_text()))


def test_check_tries_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", tool(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "loads: from python infer.py {input} {output}" in out and "gives the same again" in out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{output}", "out", "the command has no {output}, where frames are written to"),
        ("{seed}", "{sed}", "the command has {sed}, which means nothing here; known: "),
        ('kind = "video"', 'kind = "video"\nclass = "a:B"', "'class' and 'command' stand for each other"),
        ("../elsewhere", "../nowhere", "nowhere: no such file or folder"),
        ("infer.py {input}", "infer.py '{input}", "command: No closing quotation"),
    ],
)
def test_a_wrong_card_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    folder = Path(tool(tmp_path))
    text = (folder / "card.toml").read_text()
    assert old in text
    (folder / "card.toml").write_text(text.replace(old, new))
    data = data_set(tmp_path / "data", ["one"], 2)
    line = f"run demo --dataset {data} --split bi-x4 --metric psnr --only-method tool --method {folder}"
    assert run([*line.split(), "--engine", "serial", "--no-report"]) == 2
    assert words in capsys.readouterr().err
