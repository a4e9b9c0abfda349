"""A command run under a guardian: it never outlives its time limit, nor the process that waits for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_GUARDIAN = Path(__file__).with_name("guardian.py")
_TAIL_BYTES, _TAIL_LINES = 4096, 4


def run_command(words: Sequence[str], folder: Path, log: Path, seconds: float) -> str:
    """Run a command to its end.

    Args:
        words: The program and its arguments; no shell sees them.
        folder: Where it is started.
        log: The file that what it prints is added to.
        seconds: When it is ended, with all that it has started.

    Returns:
        What went wrong, in a few words; empty if nothing did.
    """
    guarded = [sys.executable, "-I", "-S", str(_GUARDIAN), str(seconds), str(log.absolute()), *words]
    process = subprocess.Popen(guarded, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        said = process.stdout.read().strip()
    finally:
        process.stdin.close()  # the guardian ends the command then, if it has not ended
        process.stdout.close()
        process.wait()
    kind, _, detail = said.partition(" ")
    if kind == "ended":
        return _of_code(int(detail))
    if kind == "late":
        return f"was not done after {seconds:g} s (time_limit on its card) and was ended"
    return f"cannot be started: {words[0]}: {detail or 'its guardian was killed'}"


def _of_code(code: int) -> str:
    if code == 0:
        return ""
    return f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"


def tail(log: Path) -> str:
    """The last lines of a log in one line; empty if there are none."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return " | ".join([" ".join(line.split()) for line in lines if line.strip()][-_TAIL_LINES:])
