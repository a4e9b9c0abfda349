"""What a worker left behind that Slurm has ended: its unit is free at once, not when its lease runs out."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from vfsrbench.errors import InputError
from vfsrbench.fleet.plan.files import SharedPlan, UnitDone
from vfsrbench.fleet.plan.leases import Owner, create
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.worker.outcome import at_fault
from vfsrbench.runs.worker.recorder import fail_jobs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Process:
    """A worker's process, as it called itself when it started."""

    host: str
    pid: int


@dataclass(frozen=True)
class Had:
    """A unit that an ended worker had last, the lease on it, and the job that it was at (None: no one)."""

    unit: str
    number: int
    job: int | None


def processes(note: Path) -> list[Process]:
    """The processes that a task of an array has been, the last one at the end."""
    try:
        lines = note.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = [line.split() for line in lines]
    return [Process(words[0], int(words[1])) for words in found if len(words) == 2 and words[1].isdigit()]


def release(plan: SharedPlan, process: Process, why: str, well: bool) -> Had | None:
    """Give back what an ended process had. `well`: that it ended says nothing about the unit.

    Returns:
        The unit that it had last, if that is not done; also one that it gave back itself.
    """
    done = plan.finished()
    leases = plan.leases
    for unit, number in leases.listing().last.items():
        if unit in done:
            continue
        lease = leases.look(unit, number)
        if lease is None or lease.owner is None or (lease.owner.host, lease.owner.pid) != _of(process):
            continue
        content = json.dumps({"why": why, "well": well}).encode()
        create(leases.folder / f"{unit}.{number}.left", content)  # unless it did so itself
        return Had(unit, number, None if lease.event is None else lease.event.job)
    return None


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


def _of(process: Process) -> tuple[str, int]:
    return process.host, process.pid
