"""What `vfsrbench status` says of a workspace's plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vfsrbench.errors import DamagedFile, InputError, counted
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.plan.leases import Lease
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.io.foreign_text import one_line

MOST_SHOWN = 20


@dataclass(frozen=True)
class Running:
    """A unit that a worker has."""

    unit: str
    clip: str
    what: str
    where: str
    seconds: float
    silent: bool
    seconds_silent: float
    tries: int


@dataclass(frozen=True)
class PlanStatus:
    """How far a plan is.

    Attributes:
        plan: The run's identity.
        board: The board's name.
        units: How many there are.
        done: Of these, done.
        waiting: Of these, nobody has.
        jobs_done: Jobs of units that are done.
        jobs: All jobs.
        running: What workers have.
        failed: (job, why).
        damaged: Files of the plan that are not what was written.
        seconds_left: For the workers at work now; None where nothing tells.
        over: Whether nothing is left to do.
    """

    plan: str
    board: str
    units: int
    done: int
    waiting: int
    jobs: int
    jobs_done: int
    running: tuple[Running, ...]
    failed: tuple[tuple[str, str], ...]
    damaged: tuple[str, ...]
    seconds_left: float | None
    over: bool

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For a reader."""
        left = "" if self.seconds_left is None else f"; about {_how_long(self.seconds_left)} left"
        yield (
            f"board {self.board}, plan {self.plan[:8]}: {self.done} of {counted(self.units, 'unit')} done "
            f"({self.jobs_done} of {counted(self.jobs, 'job')}), {len(self.running)} running, "
            f"{self.waiting} waiting{left}"
        )
        if not self.running and not self.over and self.done < self.units:
            yield "  nobody is at work: `vfsrbench worker WORKSPACE` starts a worker"
        for unit in self.running[:MOST_SHOWN]:
            again = f", {_nth(unit.tries)} try" if unit.tries > 1 else ""
            silent = f"; SILENT for {_how_long(unit.seconds_silent)}" if unit.silent else ""
            yield one_line(
                f"  running: unit {unit.unit} ({unit.clip}: {unit.what or 'starting'}) on {unit.where} for "
                f"{_how_long(unit.seconds)}{again}{silent}"
            )
        if len(self.running) > MOST_SHOWN:
            yield f"  ... and {len(self.running) - MOST_SHOWN} more running"
        for job, why in self.failed[:MOST_SHOWN]:
            yield one_line(f"  failed: {job}: {why}")
        if len(self.failed) > MOST_SHOWN:
            yield f"  ... and {len(self.failed) - MOST_SHOWN} more failed jobs"
        yield from (one_line(f"  damaged: {line}") for line in self.damaged)


def status_of(root: Path) -> list[PlanStatus]:
    """The state of all plans of the workspace at `root`, the oldest first."""
    return [_status(plan) for plan in plans_of(root)]


def _status(plan: SharedPlan) -> PlanStatus:
    try:
        units = {unit.id: unit for unit in plan.units}
    except DamagedFile as damage:
        return PlanStatus(plan.folder.name, "?", 0, 0, 0, 0, 0, (), (), (str(damage),), None, plan.is_over)
    watch = Watch(plan)
    look = watch.look()
    failed: list[tuple[str, str]] = []
    damaged = [lease.damage for lease in look.running if lease.damage]
    spent = paid = 0.0
    for unit in sorted(watch.done & units.keys()):
        try:
            done, troubles = plan.outcome(unit), plan.troubles(unit)
        except DamagedFile as damage:
            damaged.append(str(damage))
            continue
        failed += troubles
        failed += [(f"unit {unit}", done.crash)] if done.crash else []
        spent, paid = spent + done.seconds, paid + units[unit].cost
    running = tuple(
        _running(plan, lease, units[lease.unit].clip) for lease in look.running if lease.unit in units
    )
    left = sum(unit.cost for unit in units.values() if unit.id not in watch.done)
    return PlanStatus(
        plan=plan.run,
        board=plan.board,
        units=len(units),
        done=len(watch.done),
        waiting=len(units) - len(watch.done) - len(running),
        jobs=sum(unit.jobs for unit in units.values() if unit.ends_jobs),
        jobs_done=sum(units[u].jobs for u in watch.done & units.keys() if units[u].ends_jobs),
        running=running,
        failed=tuple(dict.fromkeys(failed)),
        damaged=tuple(damaged),
        seconds_left=_left(left, spent, paid, look.running),
        over=plan.is_over,
    )


def _running(plan: SharedPlan, lease: Lease, clip: str) -> Running:
    where = str(lease.owner) if lease.owner is not None else "a worker whose lease is damaged"
    event = lease.event
    what = ""
    if event is not None:
        frames = f", {event.done} of {event.total}" if event.total else ""
        what = f"{event.step}{_job(plan, lease.unit, event.job)}{frames}"
    return Running(lease.unit, clip, what, where, lease.held, lease.silent, lease.age, lease.number)


def _job(plan: SharedPlan, unit: str, number: int | None) -> str:
    """The method and split of a unit's job; empty where a step is about none, or the unit cannot be read."""
    try:
        job = None if number is None else plan.task(unit).jobs[number]
    except (InputError, IndexError):
        return ""
    return "" if job is None else f" {job.method} on {job.split}"


def _left(cost: float, spent: float, paid: float, running: tuple[Lease, ...]) -> float | None:
    """Seconds for what is left, at the pace until now."""
    alive = [lease for lease in running if not lease.silent]
    if not cost:
        return 0.0
    if not paid or not alive:
        return None
    at_work = sum(lease.held for lease in alive)
    return max(0.0, cost * spent / paid - at_work) / len(alive)


def _how_long(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _nth(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
