"""The tasks of a plan's array: how they are, and what is done about those that ended too early."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vfsrbench.errors import InputError, counted
from vfsrbench.fleet.plan.dead import Had, Process, release
from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.leases import Owner, replace_file
from vfsrbench.fleet.slurm.commands import Details, NoAnswer, Slurm, TaskState
from vfsrbench.fleet.slurm.dead import fail_job, halve_windows, processes
from vfsrbench.fleet.slurm.ends import End, Ending, ending_of, last_line
from vfsrbench.fleet.slurm.script import Script

TRIES = 3
"""Starts that end before the task took a unit, or at the time limit at one job, until that is given up."""
MORE_MEMORY = 2
"""How much more memory a task gets that had too little."""
_GONE = "UNKNOWN"
log = logging.getLogger(__name__)


@dataclass
class Slot:
    """One worker of the array, which may be several tasks of Slurm's in turn.

    Attributes:
        index: Its number in the array.
        job: The array that it is in now.
        over: Why it is not started again; empty while it may be at work.
        ended: Processes of it that have ended, and whose units are free.
        fruitless: Starts in a row that ended before a unit was taken.
        asked_more: Megabytes that were too few, while it waits for more; else 0.
        starved: The unit that they were too few for.
        waits: What Slurm says it waits for.
    """

    index: int
    job: int
    over: str = ""
    ended: int = 0
    fruitless: int = 0
    asked_more: int = 0
    starved: str = ""
    waits: str = ""


@dataclass
class Array:
    """The array of a plan.

    Args:
        plan: The plan.
        script: What its tasks run.
        slurm: Slurm's commands.
        say: Called with what a user should know, a line at a time.
    """

    plan: SharedPlan
    script: Script
    slurm: Slurm
    say: Callable[[str], None]
    slots: list[Slot] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    _limits: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    _said: set[str] = field(default_factory=set)

    def submit(self) -> None:
        """Submit the array; or follow one that was submitted for this plan before and is still there."""
        script = self.script.write()
        if self._found_again():
            self.say(f"goes on with Slurm job {self._names()}, which was submitted for this plan before")
            return
        options = self.script.options
        self.jobs = [self.slurm.submit(script, self.script.directives())]
        self.slots = [Slot(index, self.jobs[0]) for index in range(options.tasks)]
        self._note()
        workers = f"{counted(options.tasks, 'worker')} on {options.device}"
        self.say(f"submitted Slurm job {self._names()}: {workers}, by {script}")

    def look(self) -> None:
        """See how the tasks are, and start those again that ended too early.

        Raises:
            InputError: None is left, and there is work to do.
        """
        try:
            states = self.slurm.tasks(self.jobs)
        except NoAnswer as error:
            self._once(f"Slurm does not answer ({error}); its tasks go on, and this run asks again")
            return
        open_slots = [slot for slot in self.slots if not slot.over]
        if any((slot.job, slot.index) not in states for slot in open_slots):
            states = {**self.slurm.past(self.jobs), **states}
        for slot in open_slots:
            self._see(slot, states.get((slot.job, slot.index), TaskState(slot.job, slot.index, _GONE)))
        if all(slot.over for slot in self.slots) and not self._others_at_work():
            left = len(self.plan.units) - len(self.plan.finished())
            if left and not self.plan.is_over:
                why = "; ".join(dict.fromkeys(slot.over for slot in self.slots))
                raise InputError(
                    f"all tasks of Slurm job {self._names()} have ended, {counted(left, 'unit')} left to do: "
                    f"{why}; the same command goes on"
                )

    def waiting(self) -> str:
        """What the tasks that wait are waiting for, in a few words."""
        reasons = Counter(slot.waits for slot in self.slots if not slot.over and slot.waits)
        return ", ".join(f"{count} waiting ({why})" for why, count in sorted(reasons.items()))

    def end(self) -> None:
        """Cancel what is not needed any more: all tasks; of a plan that is done, those that never started."""
        done = self.plan.is_over
        if refused := self.slurm.cancel(self.jobs, waiting_only=done):
            again = " ".join(map(str, self.jobs))
            self.say(f"Slurm job {self._names()} could not be cancelled ({refused}): scancel {again}")
        elif not done and self.jobs:
            self.say(f"cancelled Slurm job {self._names()}")
        if done:
            for slot in self.slots:
                for job in self.jobs:
                    with suppress(OSError):
                        self._started(job, slot.index).unlink(missing_ok=True)

    def _see(self, slot: Slot, state: TaskState) -> None:
        """One task, as it is now."""
        slot.waits = state.reason or "Priority" if state.state == "PENDING" else ""
        known = processes(self._started(slot.job, slot.index))
        if state.at_work:
            slot.asked_more = 0
            self._free(slot, known[:-1], "Slurm started its worker again")
            return
        if not state.ended and state.state != _GONE:
            self._free(slot, known, "Slurm ended its worker, and starts it again")
            if slot.asked_more and "BadConstraints" in state.reason:
                self._less(slot)
            elif "held" in state.reason.lower():
                self._once(
                    f"task {slot.job}_{slot.index} is held ({state.reason}); `scontrol release` lets it go"
                )
            return
        if self.plan.is_over or len(self.plan.finished()) == len(self.plan.units):
            slot.over = "it ended when nothing was left to do"
            return
        details = self.slurm.details(slot.job, slot.index)
        end = ending_of(state, details, last_line(self.script.log(slot.job, slot.index)))
        had = self._free(slot, known, f"Slurm: {end.why}", end.well)
        log.info("task %d_%d on %s: %s", slot.job, slot.index, state.node, end.why)
        self._after(slot, end, had, details)

    def _after(self, slot: Slot, end: End, had: Had | None, details: Details) -> None:
        """What follows from how a task ended."""
        if end.kind is Ending.FINAL:
            slot.over = f"task {slot.job}_{slot.index} {end.why}"
            if not end.well:
                self.say(slot.over)
            return
        slot.fruitless = 0 if had is not None or end.kind is Ending.INTERRUPTED else slot.fruitless + 1
        if slot.fruitless >= TRIES:
            slot.over = f"task {slot.job}_{slot.index} ended {TRIES} times before it took a unit: {end.why}"
            self.say(slot.over)
            return
        change = ""
        if end.kind is Ending.MEMORY:
            change = details.more_memory(MORE_MEMORY)
            if had is not None and change:
                self.plan.note_memory(had.unit, details.memory)
            slot.asked_more, slot.starved = (
                details.memory if change else 0,
                had.unit if had is not None else "",
            )
            if had is not None and not change:
                halve_windows(self.plan, had.unit)
        if end.kind is Ending.TIME and had is not None:
            self._at_limit(had, details)
        self._again(slot, end, change)

    def _again(self, slot: Slot, end: End, change: str) -> None:
        """Start a task again; where Slurm does not, as a new one."""
        name = f"task {slot.job}_{slot.index}"
        if self.slurm.requeue(slot.job, slot.index):
            self._submit_anew(slot, change)
        else:
            if change and self.slurm.change(slot.job, slot.index, change):
                self._less(slot)
            self.slurm.start_soon(slot.job, slot.index)
        more = f" with more memory ({change})" if change and slot.asked_more else ""
        self.say(f"{name} {end.why}; it starts again{more}")

    def _submit_anew(self, slot: Slot, change: str) -> None:
        """A task that Slurm does not know any more, or may not requeue."""
        options = [*self.script.directives(), f"--array={slot.index}"]
        name, _, value = change.partition("=")
        options += [f"--{'mem-per-cpu' if name == 'MinMemoryCPU' else 'mem'}={value}"] if change else []
        slot.job, slot.ended = self.slurm.submit(self.script.path, options), 0
        self.jobs.append(slot.job)
        self._note()

    def _less(self, slot: Slot) -> None:
        """Slurm has no more memory for a task: its unit is tried with what there was, and smaller windows."""
        details = self.slurm.details(slot.job, slot.index)
        had = slot.asked_more
        before = f"MinMemoryCPU={had // details.per_cpu}" if details.per_cpu else f"MinMemoryNode={had}"
        self.slurm.change(slot.job, slot.index, before)
        if slot.starved:
            halve_windows(self.plan, slot.starved)
        self.plan.forget_memory()
        slot.asked_more, slot.starved = 0, ""
        self._once(f"Slurm has no node with more than {had} MB for task {slot.job}_{slot.index}")

    def _at_limit(self, had: Had, details: Details) -> None:
        """A task reached its time limit: a job at which that happens again and again fails."""
        place = (had.unit, had.job)
        self._limits[place] += 1
        if self._limits[place] < TRIES:
            return
        owner = Owner(self.plan.run, socket.gethostname(), os.getpid())
        reason = (
            f"its worker reached Slurm's time limit ({details.time_limit}) {TRIES} times; give it more by "
            "--engine-option time=... --retry-failed,"
        )
        if fail_job(self.plan, had, owner, reason):
            del self._limits[place]

    def _free(self, slot: Slot, ended: Sequence[Process], why: str, well: bool = True) -> Had | None:
        """Give back what ended processes of a task had; what the last one had."""
        had = None
        for process in ended[slot.ended :]:
            had = release(self.plan, process, why, well)
        slot.ended = max(slot.ended, len(ended))
        return had

    def _others_at_work(self) -> bool:
        """Whether workers that nobody submitted here have units."""
        leases, done = self.plan.leases, self.plan.finished()
        listing, now = leases.listing(), leases.now()
        at_work = [(u, n) for u, n in listing.last.items() if u not in done and (u, n) not in listing.left]
        found = (leases.look(unit, number, now) for unit, number in at_work)
        return any(lease is not None and not lease.silent for lease in found)

    def _started(self, job: int, index: int) -> Path:
        return self.script.started / f"{job}_{index}"

    def _names(self) -> str:
        return ", ".join(map(str, self.jobs))

    def _once(self, line: str) -> None:
        if line not in self._said:
            self.say(line)
        self._said.add(line)

    def _note(self) -> None:
        content = {"jobs": self.jobs, "slots": [[slot.index, slot.job] for slot in self.slots]}
        replace_file(self.plan.folder / "slurm.json", json.dumps(content).encode())

    def _found_again(self) -> bool:
        """Whether an array of this plan is still at work or waiting; it is this one then."""
        try:
            facts = json.loads((self.plan.folder / "slurm.json").read_bytes())
            jobs = [int(job) for job in facts["jobs"]]
            slots = [Slot(int(index), int(job)) for index, job in facts["slots"]]
            states = self.slurm.tasks(jobs) if jobs else {}
        except FileNotFoundError:
            return False
        except NoAnswer as error:
            raise InputError(f"Slurm does not answer: {error}") from error
        except (ValueError, TypeError, KeyError) as error:
            log.warning("%s: is damaged (%s)", self.plan.folder / "slurm.json", error)
            return False
        alive = [s for slot in slots if (s := states.get((slot.job, slot.index))) is not None and not s.ended]
        if alive:
            self.jobs, self.slots = jobs, slots
        return bool(alive)
