"""Events of a task: what is being done, for which of its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vfsrbench.engines.base import Event, EventSink
from vfsrbench.results.job import Job
from vfsrbench.runs.jobs import Task


@dataclass(frozen=True)
class Steps:
    """Sends a task's events to the engine."""

    task: Task
    send_event: EventSink

    def send(self, job: Job | None, step: str, done: int = 0, total: int = 0) -> None:
        """A step of a job (None: of the task as a whole), `done` of `total` frames behind it."""
        self.send_event(Event(None if job is None else self.task.jobs.index(job), step, done, total))

    def counter(self, job: Job | None, step: str, total: int) -> Callable[[int], None]:
        """Send that a step begins; what is returned is called with the frames done."""
        self.send(job, step, 0, total)
        return lambda done: self.send(job, step, done, total)
