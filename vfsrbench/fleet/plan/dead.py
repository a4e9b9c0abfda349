"""What a worker left behind that somebody saw die: its unit is free at once, not when its lease runs out."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.leases import Owner, create


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
        if lease is None or lease.owner is None or _of(lease.owner) != process:
            continue
        content = json.dumps({"why": why, "well": well}).encode()
        create(leases.folder / f"{unit}.{number}.left", content)  # unless it did so itself
        return Had(unit, number, None if lease.event is None else lease.event.job)
    return None


def _of(owner: Owner) -> Process:
    return Process(owner.host, owner.pid)
