"""One given clip scored by two workers: each takes a share of its frames, and every bit is as with one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import contents, moving, write_clip
from vfsrbench.board import Board, DatasetUse, ScoreBoard
from vfsrbench.engines.serial import SerialEngine
from vfsrbench.runs.jobs import Options, Task
from vfsrbench.runs.run import run_board
from vfsrbench.runs.worker import shares

FRAMES = 70
METRICS = ("psnr", "ssim_vt", "ewarp_dis")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stored results of two methods; one is late."""
    folder, frames = tmp_path_factory.mktemp("clips"), moving(FRAMES, side=64)
    write_clip(folder / "gt" / "one", frames)
    write_clip(folder / "dark" / "one", frames // 2)
    write_clip(folder / "late" / "one", np.roll(frames, 1, axis=0))
    return {name: folder / name for name in ("dark", "late")}


@pytest.fixture(scope="module")
def whole(given: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Results of the clip that is not cut."""
    workspace = tmp_path_factory.mktemp("whole")
    score(given, workspace, SerialEngine())
    return contents(workspace)


def score(
    given: dict[str, Path], workspace: Path, engine: SerialEngine | str = "local", workers: int | None = None
) -> None:
    use = DatasetUse(layout="folder", path=str(given["dark"].parent / "gt"))
    board = Board(
        name="s", title="S", version=1, dataset=use, splits=("outputs",), methods=(*given,), metrics=METRICS
    )
    options = Options(outputs=given)
    made = run_board(ScoreBoard.of(board), workspace, options, engine=engine, workers=workers)
    assert {record.status for record in made.records.values()} == {"ok"}
    assert not list((workspace / "scratch").rglob("*-of-*"))


class Turns(SerialEngine):
    """Two workers' tasks in one process, in the order that is asked for; notes them."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first, self.tasks = first, list[Task]()

    def worker_count(self) -> int:
        return 2

    def run(self, factory, tasks, on_event, on_lost, /):  # type: ignore[no-untyped-def]
        self.tasks = sorted(tasks, key=lambda task: task.share.number != self.first)
        return super().run(factory, self.tasks, on_event, on_lost)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each share that was waited for had been handed in."""
    found: list[bool] = []
    wait = shares.Shares._wait

    def noted(self: shares.Shares, *asked: object) -> object:
        part = wait(self, *asked)  # type: ignore[arg-type]
        found.append(part is not None)
        return part

    monkeypatch.setattr(shares.Shares, "_wait", noted)
    return found


@pytest.mark.parametrize("first", [0, 1])
def test_shares_give_every_bit_of_a_whole_clip(
    given: dict[str, Path], whole: dict[str, bytes], tmp_path: Path, read: list[bool], first: int
) -> None:
    """Where the other share was handed in, and where nobody has come to it yet."""
    engine = Turns(first)
    score(given, tmp_path / "cut", engine)
    assert [task.share.number for task in engine.tasks] == [first, 1 - first]
    assert read == [first == 1]
    assert contents(tmp_path / "cut") == whole


def test_a_share_that_fails_is_scored_by_the_task_that_ends_the_jobs(
    given: dict[str, Path],
    whole: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: list[bool],
) -> None:
    monkeypatch.setattr(shares.Shares, "hand_in", lambda *given: 1 / 0)
    score(given, tmp_path / "cut", Turns(1))
    assert read == [False]
    assert contents(tmp_path / "cut") == whole


@pytest.mark.slow  # starts three processes
def test_two_workers_give_every_bit_of_one(
    given: dict[str, Path], whole: dict[str, bytes], tmp_path: Path
) -> None:
    for workers in (1, 2):
        score(given, tmp_path / str(workers), workers=workers)
        assert contents(tmp_path / str(workers)) == whole
