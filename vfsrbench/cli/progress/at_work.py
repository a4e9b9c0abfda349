"""What a run has done, what it is at, and how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vfsrbench.engines.base import Event

if TYPE_CHECKING:
    from vfsrbench.results.job import Job
    from vfsrbench.runs.jobs import Task
    from vfsrbench.runs.worker.outcome import Ended

MARKS = {"ok": "done", "failed": "FAILED", "skipped": "skipped", "oom": "OUT OF MEMORY"}
Key = tuple[tuple["Job", ...], int]
RESTORING = "restoring"
LEAST_SHARE = 0.02
"""Of the jobs that must be done before the time left is guessed."""


class AtWork:
    """Follows the events of a run.

    A worker does one task at a time, so there are as many tasks at work as workers. A job is reported when
    it ends and again with its task: it counts once.

    Args:
        clock: Seconds, for the time left.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: set[Job] = set()
        self._restored: set[Job] = set()
        self._seconds = {True: 0.0, False: 0.0}  # of all workers: restoring, and the rest
        self._seen: dict[Key, tuple[float, bool]] = {}
        self._began: float | None = None
        self.total = 0
        self.tasks: dict[Key, tuple[Task, Event]] = {}
        """Tasks at work, with the last event of each."""

    def start(self, total: int) -> None:
        """`total` jobs are to be done."""
        self.total, self._began = total, self._clock()

    @property
    def done(self) -> int:
        return len(self._ended)

    @property
    def restored(self) -> int:
        """Jobs that are restored and not scored yet: methods of a clip are restored one after the other, and
        scored together."""
        return len(self._restored - self._ended)

    def working(self, task: Task, event: Event) -> None:
        """What a worker reports of its task."""
        key, now = key_of(task), self._clock()
        restoring = event.job is not None and event.step == RESTORING
        since, was = self._seen.get(key, (now, restoring))
        self._seconds[was] += now - since
        self._seen[key] = now, restoring
        if event.job is not None and restoring and event.done == event.total:
            self._restored.add(task.jobs[event.job])
        if event.job is not None and event.step in MARKS:
            self._ended.add(task.jobs[event.job])
            return
        self.tasks[key] = (task, event)

    def ended(self, ended: Ended) -> list[Key]:
        """A job has its outcome. The tasks that are no longer at work."""
        self._ended.add(ended.job)
        over = [key for key, (task, _) in self.tasks.items() if ended.job in task.jobs]
        for key in over:
            del self.tasks[key]
        return over

    def seconds_left(self) -> float | None:
        """From the pace until now; None while it is too early to say.

        A job that is restored and waits to be scored counts by the part of a job's time that restoring took:
        the jobs of a clip end together.
        """
        if self._began is None or not self._ended or self.done < LEAST_SHARE * self.total:
            return None
        behind = self.done + self.restored * self._share_of_restoring()
        return (self._clock() - self._began) * (self.total - behind) / behind

    def _share_of_restoring(self) -> float:
        return self._seconds[True] / max(sum(self._seconds.values()), 1e-9)


def key_of(task: Task) -> Key:
    """What tells tasks at work apart: their jobs, and which share of the clip's frames."""
    return task.jobs, task.share.number


def describe(task: Task, event: Event) -> str:
    """Clip, step, and the method and split where it is about one job."""
    if event.job is None:
        return f"{task.clip.name}: {event.step}"
    job = task.jobs[event.job]
    return f"{task.clip.name}: {event.step} {job.method} on {job.split}"


def trouble_with(ended: Ended) -> str:
    """Why a job has no result, or not all of its scores, in one line; empty if all went well."""
    if ended.status == "ok" and not ended.broken:
        return ""
    what = ended.reason or f"metrics failed: {', '.join(ended.broken)}"
    return f"{outcome_of(ended)}: {what}"


def outcome_of(ended: Ended) -> str:
    """A job and how it ended."""
    job = ended.job
    return f"{job.method}, {job.split}, {job.clip}: {MARKS[ended.status]}"


def how_long(seconds: float) -> str:
    """Rounded for a reader: "40 s", "3 min", "2 h 10 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
