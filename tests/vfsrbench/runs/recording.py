"""A run in this process, and what it did."""

from __future__ import annotations

from pathlib import Path

from tests.vfsrbench.boards import run_with
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.summary import RunSummary
from vfsrbench.runs.worker.outcome import Ended


class Listener(Silent):
    """Remembers what a run did."""

    def __init__(self) -> None:
        self.ends: list[Ended] = []
        self.steps: list[tuple[str, str]] = []

    def working(self, task, event) -> None:
        if event.done == event.total:
            self.steps.append((task.clip.name, event.step))

    def ended(self, ended: Ended) -> None:
        self.ends.append(ended)


def run(board, workspace: Path, **more) -> tuple[RunSummary, Listener]:
    listener = Listener()
    return run_with(board, workspace, progress=listener, **more), listener


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name + path.parent.name: path.read_bytes() for path in folder.rglob("*.parquet")}
