"""Progress without a terminal: a line every some seconds, for pipes and logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vfsrbench.cli.echo import say
from vfsrbench.cli.progress.at_work import MARKS, AtWork, describe, how_long, outcome_of, trouble_with
from vfsrbench.cli.progress.steps import EVERY, Paced
from vfsrbench.cli.verbosity import Verbosity
from vfsrbench.engines.base import Event
from vfsrbench.errors import counted
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from vfsrbench.runs.jobs import Task
    from vfsrbench.runs.plan import Plan
    from vfsrbench.runs.worker.outcome import Ended

MOST_AT_WORK = 4


class PlainProgress:
    """Lines on stderr: what is to do, how far it is at most every `EVERY` seconds, what went wrong at once.

    Args:
        level: QUIET says only what went wrong; VERBOSE also each step and each job's end.
        clock: Seconds.
    """

    def __init__(
        self, level: Verbosity = Verbosity.NORMAL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._level, self._clock = level, clock
        self._work = AtWork(clock)
        self._step = ""
        self._tell_step = Paced(clock)
        self._last = -EVERY
        self._all_done = False

    def planning(self, step: str, done: int, total: int) -> None:
        if step != self._step and self._level > Verbosity.QUIET:
            self._tell_step(step)
        self._step = step

    def planned(self, plan: Plan) -> None:
        self._work.start(len(plan.open))
        for plugin in plan.broken:
            self._say(f"plugin {plugin.name} is skipped: {plugin.reason}")
        if plan.misfit:
            self._say(plan.misfit)
        if self._level is Verbosity.QUIET:
            return
        self._say(f"{counted(len(plan.jobs), 'job')}, {self._work.total} to do")
        for line in plan.work():
            self._say(f"  {line}")

    def working(self, task: Task, event: Event) -> None:
        self._work.working(task, event)
        if self._level is Verbosity.VERBOSE and event.done == 0 and event.step not in MARKS:
            self._say(describe(task, event))
        self._tell()

    def ended(self, ended: Ended) -> None:
        self._work.ended(ended)
        if trouble := trouble_with(ended):
            self._say(trouble)
        elif self._level is Verbosity.VERBOSE:
            self._say(outcome_of(ended))
        self._tell()

    def _tell(self) -> None:
        """How far the run is, unless a line has said so just now; that all is done, once."""
        last = self._work.done == self._work.total
        due = not self._all_done if last else self._clock() - self._last >= EVERY
        if self._level is Verbosity.QUIET or not due:
            return
        self._last, self._all_done = self._clock(), last
        parts = [f"{self._work.done} of {counted(self._work.total, 'job')} done"]
        if self._work.restored:
            parts.append(f"{self._work.restored} more restored")
        left = None if last else self._work.seconds_left()
        if left is not None:
            parts.append(f"about {how_long(left)} left")
        at_work = [_with_frames(task, event) for task, event in self._work.tasks.values()]
        if len(at_work) > MOST_AT_WORK:
            at_work[MOST_AT_WORK:] = [f"{len(at_work) - MOST_AT_WORK} more"]
        self._say("; ".join([", ".join(parts), *at_work]))

    def _say(self, text: str) -> None:
        say(one_line(text), err=True)


def _with_frames(task: Task, event: Event) -> str:
    of = f" ({event.done} of {event.total})" if event.total else ""
    return describe(task, event) + of
