"""Output to streams of any encoding, to readers that go away, to full disks: real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "vfsrbench"]
SCRIPT = """
import sys
from vfsrbench.cli import main, app
from vfsrbench.cli.echo import say
def verb(arguments):
    for _ in range(int(arguments[0])):
        say("PSNR \\u2191 \\u4e2d \\U0001f600 \\udcff")
    return 3
app.invoke = verb
main.main()
"""


def started(count: int, stdout: int, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A process whose only verb prints a line with signs of all kinds, many times, and ends with 3."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(count)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "shift_jis", "utf-16"])
def test_no_encoding_of_the_output_ends_a_run(encoding: str) -> None:
    done = started(1, subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (3, b"")
    text = done.stdout.decode(encoding)
    assert text.startswith("PSNR ")
    assert "\\udcff" in text
    assert ("↑" in text) == (encoding in {"utf-8", "shift_jis", "utf-16"})


def test_the_c_locale_is_no_hindrance() -> None:
    done = started(
        1, subprocess.PIPE, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING=""
    )
    assert (done.returncode, done.stderr) == (3, b"")
    assert b"\\u2191" in done.stdout


@pytest.mark.parametrize("count", [1, 20_000])
def test_a_reader_that_goes_away_does_not_end_a_run(count: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = started(count, writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_the_output_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = started(1, full.fileno())
    assert done.returncode == 2
    assert done.stderr == b"vfsrbench: standard output: cannot be written: No space left on device\n"


def test_closed_streams_are_no_fault() -> None:
    assert (
        subprocess.run(
            ["sh", "-c", '"$0" -m vfsrbench list >&- 2>&-', sys.executable], check=False
        ).returncode
        == 0
    )


def test_the_list_through_head() -> None:
    line = '"$0" -m vfsrbench list | head -1; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(["bash", "-c", line, sys.executable], capture_output=True, text=True, check=False)
    assert (done.stdout.split("\n")[-2], done.stderr) == ("0", "")


def test_nothing_that_is_printed_acts_on_the_terminal(tmp_path: Path) -> None:
    """A folder of somebody's whose name would clear the screen and fake a line."""
    name = "x\x1b[2J\r\nvfsrbench: all good\u202e"
    done = subprocess.run([*COMMAND, "verify", name, name], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr + done.stdout
    assert b"\r" not in done.stderr
    assert "\u202e" not in done.stderr.decode()
    assert b"\\x1b[2J" in done.stderr
