"""How a worker starts: its log, then its work."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.engines.base import EventSink, WorkerUnfit
from vfsrbench.errors import DiskError, InputError, PoisonedDevice
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.outcome import Report
from vfsrbench.runs.worker.task_runner import TaskRunner
from vfsrbench.runs.worker.worker import Worker


@dataclass(frozen=True)
class StartWorker:
    """Makes the work of a worker (an engine's `WorkerFactory`)."""

    setup: Setup
    log: Path

    def __call__(self) -> Callable[[Task, EventSink], Report]:
        own = multiprocessing.parent_process() is not None
        if own:
            _own_process(self.log)
        worker = Worker(self.setup)
        if own:
            gc.freeze()  # modules stay: the collections that free methods need not look at them
        return work_of(worker)


def work_of(worker: Worker) -> Callable[[Task, EventSink], Report]:
    """What a worker does with each task."""

    def work(task: Task, send_event: EventSink) -> Report:
        with worker.lock(task, send_event), worker.threads():
            runner = TaskRunner(worker, task, send_event)
            try:
                try:
                    runner.run()
                except InputError as error:  # no job's own: the clip as a whole
                    runner.give_up(error)
                except PoisonedDevice as lost:
                    rest = None if task.share.number else runner.rest_after(lost)
                    raise WorkerUnfit(lost.reason, Report(tuple(runner.ends)), rest, lost.own) from lost
            except DiskError as error:
                return Report(tuple(runner.ends), str(error))
            return Report(tuple(runner.ends))

    return work


def _own_process(path: Path) -> None:
    """What methods and libraries print goes into the log: the terminal is the progress bar's."""
    with path.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    logging.getLogger("vfsrbench").addHandler(_handler(path))


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """The harness's messages go into this file while the block lasts."""
    logger = logging.getLogger("vfsrbench")
    handler = _handler(path)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _handler(path: Path) -> logging.Handler:
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
