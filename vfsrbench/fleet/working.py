"""A worker: takes units of a workspace's plans by leases, until nothing is left to take."""

from __future__ import annotations

import logging
import os
import socket
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vfsrbench.engines.base import WorkerUnfit
from vfsrbench.errors import DamagedFile, InputError, counted
from vfsrbench.fleet.devices import usable_memory
from vfsrbench.fleet.here import on_this_machine
from vfsrbench.fleet.plan.files import PLANS, SharedPlan, UnitDone, plans_of
from vfsrbench.fleet.plan.leases import Held, LeaseLost, Owner
from vfsrbench.fleet.plan.taking import Taker
from vfsrbench.fleet.shared_workspace import SharedWorkspace
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Task
from vfsrbench.runs.worker.entry import log_to, work_of
from vfsrbench.runs.worker.outcome import Ended, Report, at_fault, crash_reason
from vfsrbench.runs.worker.recorder import fail_jobs
from vfsrbench.runs.worker.worker import Worker

TRIES = 3
"""Workers that may die at a unit before the job at which they died counts as failed."""
WAIT = 1.0
"""Seconds between two tries to take a unit, where others have all that is left."""
log = logging.getLogger(__name__)


@dataclass
class WorkDone:
    """What a worker did."""

    units: int = 0
    lost: int = 0
    by_job: dict[Job, Ended] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Plans that this machine cannot work at, and why."""

    @property
    def ends(self) -> list[Ended]:
        """How jobs ended, each once: one that failed to be restored is met again by the unit that scores."""
        return list(self.by_job.values())

    @property
    def failed(self) -> list[Ended]:
        """The jobs that did not end well."""
        return [end for end in self.ends if end.status != "ok" or end.broken]


class PlanRefused(InputError):
    """A plan that this machine cannot work at."""


def work_off(
    root: str | Path,
    device: str = "",
    on_line: Callable[[str], None] = lambda line: None,
    idle: float | None = None,
) -> WorkDone:
    """Work at the plans of a workspace until all their units are done.

    Where other workers have all that is left, it waits: should one of them die, it takes its unit over.
    The process's device and threads are chosen before (`fleet.devices.use_device`).

    Args:
        root: The workspace.
        device: What this process computes on, as others are told.
        on_line: Called with what happens, in lines.
        idle: Seconds without a unit to take after which it ends all the same.

    Returns:
        What it did.

    Raises:
        InputError: There is no workspace, or nothing more can be written in it.
        WorkerUnfit: This process can do nothing more on its GPU. What it had is given back; a new process
            goes on.
    """
    place = Path(root)
    if not (place / PLANS).is_dir():
        raise InputError(
            f"workspace {place}: has no plan to work at; `vfsrbench run BOARD --engine workers` makes one"
        )
    workspace = Workspace.open(place)
    done = WorkDone()
    tried: set[SharedPlan] = set()
    log_path = workspace.logs / f"worker-{socket.gethostname()}-{os.getpid()}.log"
    with workspace.at_work(), log_to(log_path):
        while plan := next((p for p in plans_of(place) if p not in tried and not p.is_over), None):
            tried.add(plan)
            try:
                _PlanWorker(plan, place, device, on_line, idle, done).run()
            except DamagedFile as damage:
                done.refused.append(str(damage))
            except PlanRefused as refused:
                done.refused.append(str(refused))
    if log_path.is_file() and log_path.stat().st_size == 0:
        log_path.unlink(missing_ok=True)
    return done


class _PlanWorker:
    """One worker at one plan."""

    def __init__(
        self,
        plan: SharedPlan,
        root: Path,
        device: str,
        on_line: Callable[[str], None],
        idle: float | None,
        done: WorkDone,
    ) -> None:
        self.plan, self.done, self.on_line, self.idle = plan, done, on_line, idle
        self.owner = Owner(plan.run, socket.gethostname(), os.getpid(), device)
        self.taker = Taker(plan, self.owner, memory=usable_memory())
        try:
            self.setup = on_this_machine(plan.setup(), root)
        except DamagedFile:
            raise
        except InputError as error:
            raise PlanRefused(f"plan of board {plan.board!r}: {error}") from error
        self.held: Held | None = None
        self.workspace = SharedWorkspace(root, self.taker.someone_is_silent, self._confirm)
        self.worker = Worker(self.setup, self.workspace)
        self.work = work_of(self.worker)

    def run(self) -> None:
        """Take units until all are done, or nothing was to be had for too long."""
        waiting_since: float | None = None
        while not self.plan.is_over:
            held = self.taker.next()
            if held is not None:
                waiting_since = None
                self._do(held)
                continue
            if self.taker.all_done:
                self.plan.end()
                return
            waiting_since = waiting_since or time.monotonic()
            if self.idle is not None and time.monotonic() - waiting_since >= self.idle:
                return
            time.sleep(min(WAIT, self.plan.leases.silence / 8))

    def _confirm(self) -> None:
        if self.held is not None:
            self.held.confirm()

    def _do(self, held: Held) -> None:
        """One unit: whatever comes of it, the lease is given back or the unit noted as done."""
        self.held = held
        try:
            self._try(held)
        except LeaseLost:
            self.done.lost += 1
            self.worker.release("")  # a method may have been in the middle of a clip
            self._say(held, "was taken over by another worker while this one was silent; nothing is written")
        except WorkerUnfit:
            raise
        except BaseException as stopped:
            held.leave(f"stopped ({type(stopped).__name__})")
            raise
        finally:
            held.close()
            self.held = None

    def _try(self, held: Held) -> None:
        began = time.monotonic()
        try:
            task = self.plan.task(held.unit)
        except InputError as error:  # its file is damaged or gone
            self._say(held, str(error))
            self.done.refused.append(str(error))
            self.plan.finish(UnitDone(held.unit, (), 0.0, str(self.owner), held.number, str(error)), ())
            return
        early, rest = self._after_deaths(held, task)
        report = Report() if rest is None else self._report(held, rest)
        if report.fatal:
            held.leave(report.fatal)
            raise InputError(report.fatal)
        held.confirm()
        ends = (*early, *report.ends)
        seconds = time.monotonic() - began
        # of a unit that was left halfway, the task at hand has some jobs only
        jobs = self.plan.task(held.unit, whole=True).jobs
        self.plan.finish(UnitDone(held.unit, ends, seconds, str(self.owner), held.number), jobs)
        self.done.units += 1
        self.done.by_job |= {end.job: end for end in ends}
        failed = sum(end.status != "ok" for end in ends)
        how = (
            counted(len(ends), "job")
            if task.step != "restore"
            else f"restored for {counted(len(task.jobs), 'job')}"
        )
        how += f", {failed} without a result" if failed else ""
        self._say(held, f"{task.clip.name}: {how}, {seconds:.1f} s")

    def _report(self, held: Held, task: Task) -> Report:
        """What came of the task; unexpected errors fail its jobs."""
        try:
            return self.work(task, held.on_event)
        except WorkerUnfit as unfit:
            if unfit.rest is not None:
                self.plan.leave_rest(held.unit, unfit.rest)
            held.leave(unfit.reason, well=unfit.own)
            raise
        except Exception:
            crash = traceback.format_exc()
            log.error("unit %s failed:\n%s", held.unit, crash)
            if task.share.number:  # the first share ends the jobs
                return Report()
            held.confirm()
            ends = fail_jobs(self.setup, self.workspace, task, task.jobs, crash_reason(crash))
            return Report(tuple(ends))

    def _after_deaths(self, held: Held, task: Task) -> tuple[list[Ended], Task | None]:
        """Where too many workers died at the unit, the jobs at which the last one was fail; the others go
        on."""
        deaths = self.plan.leases.lost_tries(held.unit, held.number)
        if deaths < TRIES:
            return [], task
        if task.share.number:  # the first share does without
            return [], None
        event = self.plan.leases.at(held.unit, held.number - 1)
        at, doing, rest = at_fault(task, event)
        reason = f"{deaths} workers died or fell silent while {doing}"
        if why := self.plan.leases.why_left(held.unit, held.number - 1):
            reason += f" (the last one: {why})"
        log.error("%s: %s", task.clip.name, reason)
        return fail_jobs(self.setup, self.workspace, task, at, reason), rest

    def _say(self, held: Held, what: str) -> None:
        line = f"unit {held.unit}: {what}"
        log.info("%s", line)
        self.on_line(line)
