"""A board from start to end: plan, engine, and the outcome of every job."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from vfsrbench.board import Board, load_board
from vfsrbench.engines.base import Engine, Event, Outcome, waits, workers_of, works_elsewhere
from vfsrbench.errors import InputError
from vfsrbench.io.raw import DecodedFrames
from vfsrbench.plugins import get_engine
from vfsrbench.predictor import Predictor
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace, refuse_inputs
from vfsrbench.runs.estimate import check_disk
from vfsrbench.runs.jobs import Options, Task
from vfsrbench.runs.plan import Plan, make_plan
from vfsrbench.runs.progress import Progress, Silent
from vfsrbench.runs.summary import RunSummary, summarize
from vfsrbench.runs.worker.entry import StartWorker, log_to
from vfsrbench.runs.worker.outcome import Report, at_fault, crash_reason
from vfsrbench.runs.worker.recorder import fail_jobs

DECODED_BYTES = 2 << 30
"""Given clips that are decoded when a run is planned stay on the disk until it ends, up to this."""
log = logging.getLogger(__name__)


def run_board(
    board: Board | str | Path,
    workspace: str | Path = "workspace",
    options: Options | None = None,
    *,
    engine: str | Engine = "local",
    workers: int | None = None,
    methods: Sequence[Predictor] = (),
    progress: Progress | None = None,
) -> RunSummary:
    """Run what is missing of a board in a workspace. Failed jobs are recorded, not raised.

    Args:
        board: A board, or the path of its file.
        workspace: The folder for results and everything else. Ctrl-C leaves one in which the next run
            goes on.
        options: How it is run. Default: `Options()`.
        engine: An engine, or its name.
        workers: Processes, for an engine that is given by its name.
        methods: Predictor objects beside the board's own methods; they need `engine="serial"`.
        progress: Called while the run goes on.

    Returns:
        The record of every job, and what else there is to know.

    Raises:
        InputError: The board, the data set or the workspace cannot be used.
    """
    began = time.monotonic()
    chosen = board if isinstance(board, Board) else load_board(Path(board))
    options = options or Options()
    refuse_inputs(Path(workspace), chosen.dataset.path, options.outputs.values())
    place = Workspace.open(workspace)
    runner = get_engine(engine, workers) if isinstance(engine, str) else engine
    if methods and runner.name != "serial":
        raise InputError('methods that are Python objects run in this process only: use engine="serial"')
    observer = progress or Silent()
    known = len(place.damaged.listed())
    with place.at_work(), _log_file(place) as log_path:
        decoded = None
        if not works_elsewhere(runner):  # other machines may not see them, or not as long as they work
            most = min(DECODED_BYTES, place.free_bytes() // 10)
            decoded = DecodedFrames(place.scratch() / "decoded", most)
        plan = make_plan(chosen, place, options, methods, observer.planning, decoded)
        observer.planned(plan)
        check_disk(plan, place)
        _work(plan, place, runner, observer, log_path)
        summary = summarize(plan, place, log_path, time.monotonic() - began)
    return replace(summary, damaged=tuple(place.damaged.listed()[known:]), left=not waits(runner))


def _work(plan: Plan, workspace: Workspace, engine: Engine, observer: Progress, log_path: Path) -> None:
    keeper = _Keeper(plan, workspace, observer)
    start = StartWorker(plan.setup, log_path)
    tasks = plan.tasks(workers_of(engine), workspace.scratch() / ".shares")
    with closing(engine.run(start, tasks, observer.working, keeper.lost)) as outcomes:
        for outcome in outcomes:
            keeper.take(outcome)


@dataclass
class _Keeper:
    """Sees to what workers could not record themselves."""

    plan: Plan
    workspace: Workspace
    observer: Progress

    def take(self, outcome: Outcome) -> None:
        """A task's outcome. InputError when nothing can go on."""
        if outcome.crash:
            log.error("a worker failed:\n%s", outcome.crash)
            if not outcome.task.share.number:  # the first share ends the jobs
                self._fail(outcome.task, outcome.task.jobs, crash_reason(outcome.crash))
            return
        report: Report = outcome.result
        for end in report.ends:
            self.observer.ended(end)
        if report.fatal:
            raise InputError(report.fatal)

    def lost(self, task: Task, event: Event | None, how: str) -> Task | None:
        """A task's worker crashed twice: the job that it was at fails, the others get another worker."""
        if task.share.number:
            log.error("a worker died twice at a share of %s: %s", task.clip.name, how)
            return None
        at, doing, rest = at_fault(task, event)
        log.error("a worker died twice at %s, %s: %s", task.clip.name, doing, how)
        self._fail(task, at, f"the worker died twice while {doing}: {how}")
        return rest

    def _fail(self, task: Task, jobs: Sequence[Job], reason: str) -> None:
        for end in fail_jobs(self.plan.setup, self.workspace, task, jobs, reason):
            self.observer.ended(end)


@contextmanager
def _log_file(workspace: Workspace) -> Iterator[Path]:
    """The run's log; it goes away again if nothing was worth writing down."""
    path = workspace.logs / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    with log_to(path):
        yield path
    if path.is_file() and path.stat().st_size == 0:
        path.unlink()
