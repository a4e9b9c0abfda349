"""Workers that Slurm has ended: which processes they were, and the job at which one ended too often."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.fleet.plan.dead import Had, Process
from vfsrbench.fleet.plan.files import SharedPlan, UnitDone
from vfsrbench.fleet.plan.leases import Owner
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.worker.outcome import at_fault
from vfsrbench.runs.worker.recorder import fail_jobs

log = logging.getLogger(__name__)


def processes(note: Path) -> list[Process]:
    """The processes that a task of an array has been, the last one at the end."""
    try:
        lines = note.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = [line.split() for line in lines]
    return [Process(words[0], int(words[1])) for words in found if len(words) == 2 and words[1].isdigit()]


def fail_job(plan: SharedPlan, had: Had, owner: Owner, reason: str) -> bool:
    """Record the job at which a worker was as failed; the others of its unit go on.

    Returns:
        Whether that was done; not so where another worker has the unit already.
    """
    held = plan.leases.take(had.unit, had.number + 1, owner)
    if held is None:
        return False
    try:
        task = plan.task(had.unit)
        if task.share.number:  # the first share does without
            plan.finish(UnitDone(had.unit, (), 0.0, str(owner), held.number), ())
            return True
        at, doing, rest = at_fault(task, plan.leases.at(had.unit, had.number))
        log.error("%s, %s: %s", task.clip.name, doing, reason)
        setup = replace(plan.setup(), workspace=plan.root)
        ends = fail_jobs(setup, Workspace(plan.root), task, at, f"{reason} while {doing}")
        if rest is not None:
            plan.leave_rest(had.unit, rest)
        else:
            jobs = plan.task(had.unit, whole=True).jobs
            plan.finish(UnitDone(had.unit, tuple(ends), 0.0, str(owner), held.number), jobs)
    except InputError as error:  # a damaged plan: the next worker says so
        log.warning("%s", error)
    finally:
        held.leave(reason)
    return True


def halve_windows(plan: SharedPlan, unit: str) -> None:
    """Let the next worker that takes a unit begin with smaller windows, where methods allow it."""
    try:
        task = plan.task(unit)
        plan.leave_rest(unit, replace(task, halved=task.halved + 1))
    except InputError as error:  # a damaged plan: the next worker says so
        log.warning("%s", error)
