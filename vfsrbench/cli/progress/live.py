"""Progress of a run in a terminal: a bar for all jobs, and one a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vfsrbench.cli.progress.at_work import (
    MARKS,
    AtWork,
    Key,
    describe,
    how_long,
    key_of,
    outcome_of,
    trouble_with,
)
from vfsrbench.cli.progress.bars import bars
from vfsrbench.cli.verbosity import Verbosity
from vfsrbench.engines.base import Event
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from vfsrbench.runs.jobs import Task
    from vfsrbench.runs.plan import Plan
    from vfsrbench.runs.worker.outcome import Ended


class LiveProgress:
    """A bar for all jobs with the time left, and below it one for each task that a worker is at.

    Args:
        level: VERBOSE also leaves a line for each job that ended.
    """

    def __init__(self, level: Verbosity = Verbosity.NORMAL) -> None:
        self.live = bars()
        self._level = level
        self._work = AtWork()
        self._all = self.live.add_task("planning", total=None, left="")
        self._bars: dict[Key, Any] = {}

    def planning(self, step: str, done: int, total: int) -> None:
        self.live.update(self._all, description=one_line(step), completed=done, total=total or None)

    def planned(self, plan: Plan) -> None:
        for plugin in plan.broken:
            self._print(f"plugin {plugin.name} is skipped: {plugin.reason}", "yellow")
        if plan.misfit:
            self._print(plan.misfit, "yellow")
        for line in plan.work():
            self._print(line)
        self._work.start(len(plan.open))
        self.live.update(self._all, description="starting", completed=0, total=len(plan.open))

    def working(self, task: Task, event: Event) -> None:
        self._work.working(task, event)
        if event.job is not None and event.step in MARKS:
            self._count()
            return
        self.live.update(self._all, description="all jobs")
        self._count()
        key = key_of(task)
        if key not in self._bars:
            self._bars[key] = self.live.add_task("", total=None, left="")
        self.live.update(
            self._bars[key],
            description=one_line(describe(task, event)),
            completed=event.done,
            total=event.total or None,
        )

    def ended(self, ended: Ended) -> None:
        for key in self._work.ended(ended):
            bar = self._bars.pop(key, None)
            if bar is not None:
                self.live.remove_task(bar)
        self._count()
        if trouble := trouble_with(ended):
            self._print(trouble, "red")
        elif self._level is Verbosity.VERBOSE:
            self._print(outcome_of(ended))

    def _count(self) -> None:
        left = self._work.seconds_left()
        parts = [f"{self._work.restored} more restored"] if self._work.restored else []
        if left is not None and self._work.done < self._work.total:
            parts.append(f"about {how_long(left)} left")
        self.live.update(self._all, completed=self._work.done, left=", ".join(parts))

    def _print(self, text: str, style: str | None = None) -> None:
        self.live.console.print(one_line(text), style=style, markup=False, highlight=False)
