"""What is done about tasks that end, with a Slurm that says what a test wants it to; the plans are real."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set, method_folder, small_board
from vfsrbench.engines.base import Event
from vfsrbench.errors import InputError
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.plan.leases import Owner
from vfsrbench.fleet.plan.taking import Taker
from vfsrbench.fleet.slurm.array import TRIES, Array
from vfsrbench.fleet.slurm.commands import Details, NoAnswer, Slurm, TaskState
from vfsrbench.fleet.slurm.engine import _uninterrupted
from vfsrbench.fleet.slurm.options import SlurmOptions
from vfsrbench.fleet.slurm.script import Script
from vfsrbench.results.load import result_files
from vfsrbench.results.store import read_result
from vfsrbench.runs.run import run_board


class Scripted(Slurm):
    """Tasks are in the states that a test sets; commands are noted."""

    def __init__(self) -> None:
        self.states: dict[tuple[int, int], str] = {}
        self.facts = Details(time_limit="00:10:00", memory=1000)
        self.done: list[str] = []
        self.forgets = self.silent = False
        self.refuses_memory = ""
        self.reason = ""

    def submit(self, script: Path, options: Sequence[str]) -> int:
        job = 1 + max((job for job, _ in self.states), default=6)
        array = (
            [o for o in options if o.startswith("--array=")][-1].removeprefix("--array=").partition("%")[0]
        )
        first, _, last = array.partition("-")
        self.states |= {(job, index): "RUNNING" for index in range(int(first), int(last or first) + 1)}
        self.done.append(
            f"submit {job} {array} {' '.join(o for o in options if o.startswith('--mem'))}".strip()
        )
        return job

    def tasks(self, jobs: Iterable[int]) -> dict[tuple[int, int], TaskState]:
        if self.silent:
            raise NoAnswer("Unable to contact slurm controller")
        return {
            p: TaskState(*p, state, self.reason, "n1")
            for p, state in self.states.items()
            if state != "PURGED"
        }

    def past(self, jobs: Iterable[int]) -> dict[tuple[int, int], TaskState]:
        return {}

    def details(self, job: int, index: int) -> Details:
        return self.facts

    def requeue(self, job: int, index: int) -> str:
        if self.forgets:
            return "Invalid job id specified"
        self.done.append(f"requeue {job}_{index}")
        self.states[job, index] = "PENDING"
        return ""

    def change(self, job: int, index: int, change: str) -> str:
        self.done.append(f"change {job}_{index} {change}")
        return self.refuses_memory if "=2000" in change else ""

    def start_soon(self, job: int, index: int) -> None:
        self.done.append(f"start {job}_{index}")

    def cancel(self, jobs: Iterable[int], waiting_only: bool = False) -> str:
        self.done.append(f"cancel {sorted(set(jobs))}{' waiting' if waiting_only else ''}")
        return ""


@pytest.fixture
def plan(tmp_path: Path) -> SharedPlan:
    data = data_set(tmp_path / "data", frames=4)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    run_board(board, tmp_path / "w", engine=WorkersEngine(wait=False))
    return plans_of(tmp_path / "w")[0]


@pytest.fixture
def array(plan: SharedPlan) -> Array:
    script = Script(plan.root, "small", SlurmOptions.of({"array": "2"}))
    made = Array(plan, script, Scripted(), say=lambda line: lines.append(line))
    lines: list[str] = made.__dict__.setdefault("lines", [])
    made.submit()
    return made


def takes(array: Array, index: int, pid: int) -> str:
    """The task's worker starts and takes a unit."""
    slot = array.slots[index]
    with (array.script.started / f"{slot.job}_{index}").open("a") as file:
        file.write(f"node {pid}\n")
    held = Taker(array.plan, Owner("run", "node", pid)).next()
    held.on_event(Event(0, "restoring", 1, 4))
    held.close()
    return held.unit


def ends(array: Array, index: int, state: str) -> None:
    """The task ends, and the run looks."""
    array.slurm.states[array.slots[index].job, index] = state
    array.look()


@pytest.mark.parametrize("state", ["NODE_FAIL", "PREEMPTED", "TIMEOUT", "BOOT_FAIL"])
def test_a_task_that_was_ended_is_requeued_at_once_and_its_unit_is_free(array: Array, state: str) -> None:
    unit = takes(array, 1, 5)
    assert not array.plan.leases.listing().open_now(unit)
    ends(array, 1, state)
    assert array.slurm.done[1:] == ["requeue 7_1", "start 7_1"]
    assert array.plan.leases.listing().open_now(unit) and array.plan.leases.lost_tries(unit, 2) == 0
    array.look()
    assert len(array.slurm.done) == 3, "once"


def test_what_slurm_requeued_itself_is_not_requeued_again(array: Array) -> None:
    unit = takes(array, 0, 5)
    ends(array, 0, "PENDING")
    assert array.plan.leases.listing().open_now(unit) and len(array.slurm.done) == 1
    assert array.waiting() == "1 waiting (Priority)"


def test_a_task_that_slurm_has_forgotten_is_submitted_anew(array: Array) -> None:
    takes(array, 1, 5)
    array.slurm.forgets = True
    ends(array, 1, "PURGED")
    assert array.slurm.done[1:] == ["submit 8 1"] and array.jobs == [7, 8]
    array.end()
    assert array.slurm.done[-1] == "cancel [7, 8]", "both are its own"


def test_more_memory_and_where_there_is_none_smaller_windows(array: Array) -> None:
    unit = takes(array, 1, 5)
    ends(array, 1, "OUT_OF_MEMORY")
    assert array.slurm.done[-2:] == ["change 7_1 MinMemoryNode=2000", "start 7_1"]
    assert array.plan.lacking_memory() == {unit: 1000} and array.plan.leases.lost_tries(unit, 2) == 1
    array.slurm.reason = "BadConstraints"
    array.look()
    assert array.slurm.done[-1] == "change 7_1 MinMemoryNode=1000"
    assert array.plan.lacking_memory() == {} and array.plan.task(unit).halved == 1
    array.slurm.forgets, array.slurm.reason = True, ""
    takes(array, 1, 6)
    ends(array, 1, "OUT_OF_MEMORY")
    assert array.slurm.done[-1] == "submit 8 1 --mem=2000"


def test_a_job_that_reaches_the_limit_again_and_again_fails(array: Array) -> None:
    for pid in range(TRIES):
        takes(array, 1, pid)
        assert not list(result_files([array.plan.root / "results"]))
        ends(array, 1, "TIMEOUT")
    (path,) = result_files([array.plan.root / "results"])
    why = read_result(path).record.reason
    assert why.startswith("its worker reached Slurm's time limit (00:10:00) 3 times; give it more")


def test_a_cancelled_task_stays_and_when_none_is_left_the_run_says_why(array: Array) -> None:
    ends(array, 0, "CANCELLED")
    assert array.slurm.done == ["submit 7 0-1"]
    held = Taker(array.plan, Owner("run", "elsewhere", 1)).next()
    ends(array, 1, "CANCELLED")  # a worker that somebody started by hand is at it
    held.leave()
    with pytest.raises(
        InputError, match=r"all tasks of Slurm job 7 have ended, . units? left.* 7_0 was cancelled; "
    ) as error:
        array.look()
    assert "\n" not in str(error.value)


def test_a_worker_that_always_dies_at_once_is_given_up(array: Array) -> None:
    array.slurm.facts = Details(code=1)
    array.script.log(7, 0).write_text("ModuleNotFoundError: No module named 'torch'\n")
    for _ in range(TRIES):
        ends(array, 0, "FAILED")
    assert array.slots[0].over.endswith("(ModuleNotFoundError: No module named 'torch')")
    assert array.slurm.done.count("requeue 7_0") == TRIES - 1


def test_while_slurm_does_not_answer_nothing_is_done_and_it_is_said_once(array: Array) -> None:
    array.slurm.silent = True
    array.look()
    array.look()
    assert len(array.slurm.done) == 1
    assert [line for line in array.lines if "does not answer" in line] == [
        "Slurm does not answer (Unable to contact slurm controller); its tasks go on, and this run asks again"
    ]


def test_a_plan_that_is_done_leaves_running_workers_to_end_by_themselves(array: Array) -> None:
    array.plan.end()
    array.end()
    assert array.slurm.done[-1] == "cancel [7] waiting"


def test_the_array_of_an_earlier_run_is_found_again(array: Array) -> None:
    again = Array(array.plan, array.script, array.slurm, say=lambda line: None)
    again.submit()
    assert again.jobs == [7] and len(array.slurm.done) == 1
    array.slurm.states = dict.fromkeys(array.slurm.states, "CANCELLED")
    again.submit()
    assert again.jobs == [8], "nothing of it is left"


def test_ctrl_c_waits_until_it_is_known_what_was_submitted() -> None:
    known = False
    with pytest.raises(KeyboardInterrupt), _uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        known = True
    assert known and signal.getsignal(signal.SIGINT) is signal.default_int_handler
