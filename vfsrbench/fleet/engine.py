"""`--engine workers`: a run is planned into the workspace, and `vfsrbench worker` processes do it.

An engine that starts workers by itself (on a cluster, say) derives from `WorkersEngine` and overrides
`begin`, `tend` and `end`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vfsrbench.engines.base import Event, EventListener, LostTaskHandler, Outcome, Outcomes, WorkerFactory
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.fleet.here import portable
from vfsrbench.fleet.plan.cutting import cut
from vfsrbench.fleet.plan.files import SharedPlan, plans_of, remove_over, write_plan
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.entry import StartWorker
from vfsrbench.runs.worker.outcome import Report

POLL = 0.5
"""Seconds between two looks at how far the workers are, at the least."""
EXPECTED = 4
"""Workers that units are cut for, where `--workers` does not say."""
log = logging.getLogger(__name__)


@dataclass
class WorkersEngine:
    """Any number of `vfsrbench worker` processes, on any machines that see the workspace.

    Attributes:
        workers: How many are expected: units are cut so that so many are busy until the end.
        options: `silence`: seconds without a sign of life after which a worker's unit may be taken over.
        wait: Whether the run waits until all units are done; else it ends when they are planned.
    """

    workers: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    wait: bool = True
    name: str = "workers"
    elsewhere: ClassVar[bool] = True
    known_options: ClassVar[tuple[str, ...]] = ("silence",)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.options) - set(self.known_options))
        if unknown:
            raise InputError(
                f"engine {self.name!r} has no option {unknown[0]!r}; it has {', '.join(self.known_options)}"
            )

    def begin(self, plan: SharedPlan) -> None:
        """Called when the plan stands in the workspace: start workers."""

    def tend(self, plan: SharedPlan, watch: Watch) -> None:
        """Called again and again while the run waits: see to workers that ended. May raise InputError."""

    def end(self, plan: SharedPlan) -> None:
        """Called when the run ends, also by Ctrl-C: stop the workers that were started."""

    def advice(self, plan: SharedPlan) -> str:
        """What the run says while nobody works at the plan."""
        return f"waiting for workers: `vfsrbench worker {plan.root}` starts one, on any machine"

    def expected(self) -> int:
        """How many workers units are cut for."""
        return self.workers or EXPECTED

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        if not isinstance(factory, StartWorker):
            raise InputError(f"engine {self.name!r} runs boards only; use --engine local or serial here")
        if not tasks:
            return
        plan = self._planned(factory.setup, tasks)
        try:
            self.begin(plan)
            if self.wait:
                yield from self._follow(plan, on_event)
        finally:
            if self.wait:
                self.end(plan)

    def _planned(self, setup: Setup, tasks: Sequence[Task]) -> SharedPlan:
        """The plan of these tasks: one that was made before and has them all, or a new one."""
        workspace = Workspace(setup.workspace)
        remove_over(workspace.root)
        wanted = {job for task in tasks for job in task.jobs}
        for old in plans_of(workspace.root):
            try:
                if old.is_over or old.board != setup.board.name:
                    continue
                if _covers(old, setup, wanted):
                    return old
            except InputError as damage:
                log.warning("%s", damage)
            old.end("another run of the board took its place")
        works = cut(tasks, setup, workspace, self.expected())
        return write_plan(workspace, portable(setup), works, self._silence())

    def _silence(self) -> float | None:
        given = self.options.get("silence")
        if given is None:
            return None
        try:
            seconds = float(given)
        except ValueError:
            seconds = 0.0
        if not 0.5 <= seconds <= 86400:
            raise InputError(f"engine option silence={given}: give seconds from 0.5 to 86400")
        return seconds

    def _follow(self, plan: SharedPlan, on_event: EventListener) -> Outcomes:
        """The outcome of each unit, as it ends."""
        tasks = {unit.id: plan.task(unit.id, whole=True) for unit in plan.units}
        watch = Watch(plan)
        told = False
        while True:
            over = plan.is_over  # before the look: a worker that ends the last unit says so
            found = watch.look()
            for unit in found.newly_done:
                yield _outcome(plan, unit, tasks[unit])
            if watch.all_done:
                plan.end()
                return
            for lease in found.running:
                if lease.event is not None:
                    on_event(tasks[lease.unit], lease.event)
            if not any(not lease.silent for lease in found.running):
                if not told:
                    on_event(next(iter(tasks.values())), Event(None, self.advice(plan)))
                told = True
            else:
                told = False
            self.tend(plan, watch)
            if over:
                raise InputError(f"{plan.folder}: was given up: another run of the board took its place")
            time.sleep(max(POLL if plan.leases.silence > 4 else 0.1, min(5.0, 10 * found.seconds)))


def _outcome(plan: SharedPlan, unit: str, task: Task) -> Outcome:
    """How a unit ended. Where that cannot be read, the results in the workspace tell it anyway."""
    try:
        done = plan.outcome(unit, task.jobs)
    except DamagedFile as damage:
        log.warning("%s", damage)
        return Outcome(task, Report())
    return Outcome(task, done.report, done.crash)


def _covers(plan: SharedPlan, setup: Setup, wanted: set[Job]) -> bool:
    """Whether a plan does all that is wanted, and in the same way. DamagedFile where it cannot be read."""
    theirs = plan.setup()
    same = _manner(theirs) == _manner(setup)
    if not same or setup.options.force or theirs.options.force:
        return False
    planned = {job.place for unit in plan.units for job in plan.task(unit.id, whole=True).jobs}
    return {job.place for job in wanted} <= planned


def _manner(setup: Setup) -> tuple[object, ...]:
    options = setup.options
    return dict(setup.metric_keys), options.keep, options.retry_failed, options.smaller_windows
