"""A plan in a workspace: `plans/RUN/`, written whole, then read by any number of workers.

plan.json       what it is for, and its units: number, clip, cost, what must be done before
setup.pickle    what every worker needs (`runs.jobs.Setup`)
units/          a file a unit: its task
leases/         who works at what (`fleet.plan.leases`)
done/           a file a unit that is done: how its jobs ended
memory/         units that need more memory than a worker had that died of it
over            all units are done, or the plan was given up

Every file but the leases carries a checksum, which is checked before anything in it is used.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.fleet.plan.leases import SILENCE, Leases, create, replace_file
from vfsrbench.io.atomic import atomic_directory
from vfsrbench.io.safety.sealed import read_note, reading, write_note
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.outcome import Ended, Report
from vfsrbench.version import __version__

PLANS = "plans"
_PLAN_KIND = "shared-plan-1"
_DONE_KIND = "unit-done-1"
_MARK = b"vfsrbench plan sha256 "
_HEAD = len(_MARK) + 65
AGAIN = "`vfsrbench run BOARD --engine workers` plans again"


@dataclass(frozen=True)
class Unit:
    """What a worker takes in one go.

    Attributes:
        id: Its number, as files are named.
        clip: The clip that it is about.
        jobs: How many jobs it has.
        cost: How long it takes compared with others.
        needs: Units that must be done before.
        what: `restore`, `share` (of scoring), `score`, or `all`: both in one.
    """

    id: str
    clip: str
    jobs: int
    cost: float
    needs: tuple[str, ...] = ()
    what: str = "all"

    @property
    def ends_jobs(self) -> bool:
        """Whether its jobs are done with it."""
        return self.what in ("all", "score")


@dataclass(frozen=True)
class Work:
    """A unit before it is written: its task, its cost, and the places in the list of those it needs."""

    task: Task
    cost: float
    needs: tuple[int, ...] = ()
    what: str = "all"


@dataclass(frozen=True)
class UnitDone:
    """How a unit ended. `crash`: why its jobs have no record, if they have none."""

    unit: str
    ends: tuple[Ended, ...]
    seconds: float
    owner: str
    tries: int = 1
    crash: str = ""

    @property
    def report(self) -> Report:
        """As engines hand it on."""
        return Report(self.ends)


class SharedPlan:
    """A plan that was written.

    Args:
        folder: `plans/RUN` of a workspace.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent.parent

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedPlan) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What `plan.json` says. DamagedFile, which names it, where it is not what was written."""
        path = self.folder / "plan.json"
        with _named(path):
            return read_note(path, _PLAN_KIND)

    @property
    def run(self) -> str:
        """The identity of the run that made it; results carry it."""
        return str(self.facts["run"])

    @property
    def board(self) -> str:
        """The board's name."""
        return str(self.facts["board"])

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The units, in the order in which they are taken."""
        path = self.folder / "plan.json"
        with _named(path), reading(path):
            return tuple(
                Unit(id, clip, jobs, cost, tuple(needs), what)
                for id, clip, jobs, cost, needs, what in self.facts["units"]
            )

    @cached_property
    def leases(self) -> Leases:
        """Its leases."""
        return Leases(self.folder / "leases", float(self.facts["silence"]))

    def setup(self) -> Setup:
        """What every worker needs, as it was planned (see `fleet.here`)."""
        found: Setup = _read_sealed(self.folder / "setup.pickle")
        return found

    def task(self, unit: str, whole: bool = False) -> Task:
        """A unit's task, or what a worker that gave up left of it, unless the `whole` one is asked for."""
        path, rest = self.folder / "units" / f"{unit}.pickle", self._rest(unit)
        task: Task = _read_sealed(rest if rest.is_file() and not whole else path)
        if task.share.count > 1:
            task = replace(task, share=replace(task.share, folder=self.folder / "shares"))
        return replace(task, handed=self.folder / "handed")

    def leave_rest(self, unit: str, task: Task) -> None:
        """Write what is left of a unit for the next worker that takes it."""
        replace_file(self._rest(unit), _sealed(task))

    def _rest(self, unit: str) -> Path:
        return self.folder / "units" / f"{unit}.rest.pickle"

    def note_memory(self, unit: str, megabytes: int) -> None:
        """Note that a unit needs more memory than this: workers with no more leave it to others."""
        (self.folder / "memory").mkdir(exist_ok=True)
        replace_file(self.folder / "memory" / unit, f"{megabytes}\n".encode())

    def lacking_memory(self) -> dict[str, int]:
        """The units of which that is noted, with the megabytes that were too few."""
        found = {}
        for path in self._memory_notes():
            with suppress(OSError, ValueError):
                found[path.name] = int(path.read_text())
        return found

    def forget_memory(self) -> None:
        """Forget what units need: no more can be had."""
        for path in self._memory_notes():
            path.unlink(missing_ok=True)

    def _memory_notes(self) -> list[Path]:
        folder = self.folder / "memory"
        return [path for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []

    def finished(self) -> set[str]:
        """The units that are done, by one look into the folder."""
        names = (entry.name for entry in os.scandir(self.folder / "done"))
        return {name.removesuffix(".json") for name in names if name.endswith(".json")}

    def is_done(self, unit: str) -> bool:
        """Whether the unit is done."""
        return (self.folder / "done" / f"{unit}.json").exists()

    def finish(self, done: UnitDone, jobs: Sequence[Job]) -> None:
        """Note how a unit with these jobs ended, unless that is noted already."""
        places = {job: place for place, job in enumerate(jobs)}
        ends = [[places[end.job], end.status, end.reason, list(end.broken)] for end in done.ends]
        content = {**asdict(replace(done, ends=())), "ends": ends, "names": _names(done.ends)}
        target = self.folder / "done" / f"{done.unit}.json"
        unfinished = self.folder / "leases" / f".{done.unit}.{os.getpid()}.done"
        write_note(unfinished, _DONE_KIND, content)
        create(target, unfinished.read_bytes())
        unfinished.unlink(missing_ok=True)

    def outcome(self, unit: str, jobs: Sequence[Job] = ()) -> UnitDone:
        """How a unit ended. `jobs`: the unit's; without them it says nothing of theirs."""
        path = self.folder / "done" / f"{unit}.json"
        with _named(path), reading(path):
            content = read_note(path, _DONE_KIND)
            ends = content.pop("ends")
            content.pop("names")
            found = tuple(Ended(jobs[p], s, r, tuple(b)) for p, s, r, b in ends) if jobs else ()
            return UnitDone(**{**content, "ends": found})

    def troubles(self, unit: str) -> list[tuple[str, str]]:
        """(job, why) of the jobs of a unit that is done, and did not end well."""
        path = self.folder / "done" / f"{unit}.json"
        with _named(path), reading(path):
            return [(name, why) for name, why in read_note(path, _DONE_KIND)["names"]]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to do."""
        return not self.folder.is_dir() or (self.folder / "over").exists()

    def end(self, why: str = "all units are done") -> None:
        """Mark the plan as over."""
        with suppress(OSError):
            create(self.folder / "over", why.encode())


def write_plan(
    workspace: Workspace, setup: Setup, works: Sequence[Work], silence: float | None = None
) -> SharedPlan:
    """Write a plan into a workspace; it appears whole or not at all.

    Args:
        workspace: The workspace; it is open.
        setup: What every worker needs.
        works: The units, in the order in which they are taken.
        silence: Seconds without a sign of life after which a lease runs out.

    Returns:
        The plan.
    """
    folder = workspace.root / PLANS / setup.run
    digits = len(str(len(works)))
    ids = [f"{number:0{digits}d}" for number in range(len(works))]
    units = [
        [id, w.task.clip.name, len(w.task.jobs), w.cost, [ids[n] for n in w.needs], w.what]
        for id, w in zip(ids, works, strict=True)
    ]
    facts = {
        "run": setup.run,
        "board": setup.board.name,
        "version": __version__,
        "silence": SILENCE if silence is None else silence,
        "units": units,
    }
    with atomic_directory(folder, noted=False) as unfinished:
        for name in ("units", "leases", "done", "shares", "handed"):
            (unfinished / name).mkdir()
        for id, work in zip(ids, works, strict=True):
            (unfinished / "units" / f"{id}.pickle").write_bytes(_sealed(work.task))
        (unfinished / "setup.pickle").write_bytes(_sealed(setup))
        write_note(unfinished / "plan.json", _PLAN_KIND, facts)
    return SharedPlan(folder)


def plans_of(root: Path) -> list[SharedPlan]:
    """The plans of the workspace at `root`, the oldest first; those that are over included."""
    folder = root / PLANS
    if not folder.is_dir():
        return []
    found = [SharedPlan(place) for place in folder.iterdir() if (place / "plan.json").exists()]
    return sorted(found, key=lambda plan: ((plan.folder / "plan.json").stat().st_mtime_ns, plan.folder.name))


def remove_over(root: Path) -> None:
    """Remove the plans that are over: a new one takes their place."""
    for plan in plans_of(root):
        if plan.is_over:
            shutil.rmtree(plan.folder, ignore_errors=True)


def _names(ends: Iterable[Ended]) -> list[tuple[str, str]]:
    """Jobs that did not end well, for a reader, with the reason."""
    return [
        (
            f"{end.job.method}, {end.job.split}, {end.job.clip}",
            f"{end.status}: {end.reason}" if end.reason else f"metrics failed: {', '.join(end.broken)}",
        )
        for end in ends
        if end.status != "ok" or end.broken
    ]


def _sealed(value: Any) -> bytes:
    payload = pickle.dumps(value)
    return _MARK + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload


def _read_sealed(path: Path) -> Any:
    """What was written. DamagedFile before anything is unpickled that is not that."""
    with _named(path), reading(path):
        data = path.read_bytes()
        head, payload = data[:_HEAD], data[_HEAD:]
        if head != _MARK + hashlib.sha256(payload).hexdigest().encode() + b"\n":
            raise DamagedFile(path, "its checksum differs")
        return pickle.loads(payload)  # ours, by its checksum; whoever can write here can also write code


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """While a plan's file is read: damage names the remedy, and so does a file that is gone."""
    try:
        yield
    except DamagedFile as error:
        raise DamagedFile(error.path, error.what, AGAIN) from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: is gone; {AGAIN}") from error
