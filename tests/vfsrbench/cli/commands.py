"""The command line called in this process."""

from __future__ import annotations

import pytest

from vfsrbench.cli import main


def fails(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """The one line on stderr with which the command ends."""
    assert main.run([str(a) for a in arguments]) == code
    said = capsys.readouterr()
    line = said.err.strip().splitlines()[-1]
    assert line.startswith("vfsrbench: ") and "Traceback" not in said.err
    return line


def works(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command writes to stdout."""
    assert main.run([str(a) for a in arguments]) == 0
    return capsys.readouterr().out
