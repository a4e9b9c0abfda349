"""Scripts that use workers without `if __name__ == "__main__":`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.vfsrbench.boards import board_file, data_set, small_board

RUN = """
from pathlib import Path
from vfsrbench.runs.run import run_board
with Path("log.txt").open("a") as log:
    log.write("script runs\\n")
summary = run_board("board.toml", "w", workers=1)
print(sorted(summary.counts.items()))
"""
OWN_TASKS = """
from pathlib import Path
from vfsrbench.engines.local import LocalEngine

class Start:
    def __call__(self):
        return lambda task, emit: 2 * task

with Path("log.txt").open("a") as log:
    log.write("script runs\\n")
GUARD
    done = LocalEngine(1).run(Start(), [1, 2], lambda task, event: None, lambda task, event, how: None)
    print(sorted(outcome.result for outcome in done))
"""


def script(folder: Path, text: str) -> tuple[subprocess.CompletedProcess[str], int]:
    """How a script ends, and how many times it was begun."""
    (folder / "script.py").write_text(text)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done, len((folder / "log.txt").read_text().splitlines())


def test_a_script_that_runs_a_board_needs_no_guard_and_runs_once(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", ["one", "two"], frames=2)
    board_file(tmp_path / "board.toml", small_board(data, ["nearest"], splits=["bi-x4"], metrics=["psnr"]))
    done, begun = script(tmp_path, RUN)
    assert (done.returncode, begun) == (0, 1), done.stderr
    assert done.stdout == "[('ok', 2)]\n"


def test_a_script_whose_own_classes_are_the_tasks_is_told_of_the_guard(tmp_path: Path) -> None:
    done, begun = script(tmp_path, OWN_TASKS.replace("GUARD", "if True:"))
    line = done.stderr.strip().splitlines()[-1]
    assert "script.py: starts workers while they import it" in line and "__main__" in line
    assert begun == 2, "once for itself, once for its one worker, and no further tries"


def test_with_the_guard_its_tasks_are_done(tmp_path: Path) -> None:
    done, _ = script(tmp_path, OWN_TASKS.replace("GUARD", 'if __name__ == "__main__":'))
    assert (done.returncode, done.stdout) == (0, "[2, 4]\n"), done.stderr
