"""benchmarks/demo_time.py: what a command and its children spend; the board that the goal is stated for."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import demo_time
from vfsrbench.plugins import find_board, methods, metrics

BUSY = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def test_processes_that_a_command_starts_count_and_waiting_does_not() -> None:
    busy = demo_time.timed([sys.executable, "-c", PARENT], workers=2)
    assert 0.3 <= busy.processors < 3 and busy.wall > 0.3
    assert busy.use == busy.processors / (2 * busy.wall)
    idle = demo_time.timed([sys.executable, "-c", "import time; time.sleep(0.4)"], workers=1)
    assert idle.processors < 0.3 and idle.use < 0.7
    assert demo_time.Spent(10.0, 18.0, 2).row("x") == "| x | 2 | 10.0 | 18.0 | 90.0 % |"


def test_the_board_before_identity_has_no_network(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(demo_time.BEFORE_IDENTITY)
    board = find_board(str(path))
    assert not any(methods()[name].card.weights for name in board.methods)
    assert not any(metrics()[name].card.weights for name in board.metrics)
    assert (board.dataset.frames, len(board.splits)) == (24, 3)
