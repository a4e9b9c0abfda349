"""`--engine slurm`: a run plans, submits an array of workers, follows it, and reports."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from vfsrbench.engines.base import Event, EventListener, LostTaskHandler, Outcomes, WorkerFactory
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.fleet.slurm.array import Array
from vfsrbench.fleet.slurm.commands import Slurm
from vfsrbench.fleet.slurm.options import KNOWN, SlurmOptions
from vfsrbench.fleet.slurm.script import Script

log = logging.getLogger(__name__)


@dataclass
class SlurmEngine(WorkersEngine):
    """Workers that are the tasks of a Slurm array.

    The run writes `slurm/worker.sbatch` into the workspace, submits it, and starts tasks again that lost
    their node, were preempted, reached their time limit or ran out of memory. Ctrl-C cancels what it
    submitted, and nothing else. Without `wait` it ends when the array is submitted; the same run, later,
    follows that array.
    `options`: see `fleet.slurm.options`.
    """

    name: str = "slurm"
    known_options: ClassVar[tuple[str, ...]] = KNOWN
    _array: Array | None = field(default=None, init=False, repr=False)
    _look_again: float = field(default=0.0, init=False, repr=False)

    def __post_init__(self) -> None:
        self.chosen = SlurmOptions.of(self.options, self.workers)
        self.workers = self.chosen.tasks
        self.options = {"silence": self.chosen.silence} if self.chosen.silence else {}
        self._slurm = Slurm()
        super().__post_init__()

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        def say(line: str) -> None:
            log.warning("%s", line)  # a display may not show every line
            on_event(tasks[0], Event(None, line))

        self._say = say
        yield from super().run(factory, tasks, on_event, on_lost)

    def begin(self, plan: SharedPlan) -> None:
        script = Script(Path(plan.root).absolute(), plan.board, self.chosen)
        self._array = Array(plan, script, self._slurm, self._say)
        with _uninterrupted():
            self._array.submit()

    def tend(self, plan: SharedPlan, watch: Watch) -> None:
        if self._array is not None and time.monotonic() >= self._look_again:
            self._array.look()
            self._look_again = time.monotonic() + self.chosen.poll

    def end(self, plan: SharedPlan) -> None:
        if self._array is not None:
            self._array.end()

    def advice(self, plan: SharedPlan) -> str:
        waiting = self._array.waiting() if self._array is not None else ""
        return f"no worker has begun; Slurm's tasks: {waiting or 'starting'}"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: what is submitted must be known, or nothing cancels it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
