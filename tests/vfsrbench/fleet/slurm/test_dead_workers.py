"""What an ended worker had is free at once; what needs more memory is left to who has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.vfsrbench.boards import contents, data_set, method_folder, run_with, small_board
from vfsrbench.engines.base import Event
from vfsrbench.fleet.devices import usable_memory
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.dead import Had, Process, release
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.plan.leases import Owner
from vfsrbench.fleet.plan.taking import Taker
from vfsrbench.fleet.slurm.dead import fail_job, halve_windows, processes
from vfsrbench.fleet.working import work_off
from vfsrbench.results.load import result_files
from vfsrbench.results.store import read_result
from vfsrbench.runs.run import run_board

OTHER = Owner("run", "node7", 4242)


@pytest.fixture
def plan(tmp_path: Path) -> SharedPlan:
    data = data_set(tmp_path / "data", frames=4)
    methods = [method_folder(tmp_path, "m"), method_folder(tmp_path, "n", mode="nearest")]
    board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr"])
    run_board(board, tmp_path / "w", engine=WorkersEngine(wait=False))
    run_with(board, tmp_path / "serial")
    (plan,) = plans_of(tmp_path / "w")
    return plan


def died_at(plan: SharedPlan, job: int) -> tuple[str, int]:
    """A worker takes a unit, says that it is at a job, and dies."""
    held = Taker(plan, OTHER).next()
    held.on_event(Event(job, "restoring", 1, 4))
    held.close()
    return held.unit, held.number


def test_what_an_ended_process_had_is_free_at_once(plan: SharedPlan, tmp_path: Path) -> None:
    unit, number = died_at(plan, 1)
    assert not plan.leases.listing().open_now(unit)
    assert release(plan, Process("node7", 1), "Slurm: node lost", True) is None, (
        "another process of that node"
    )
    assert release(plan, Process("node7", 4242), "Slurm: node lost", True) == Had(unit, number, 1)
    assert plan.leases.listing().open_now(unit) and plan.leases.lost_tries(unit, number + 1) == 0
    work_off(plan.root)
    assert contents(plan.root) == contents(tmp_path / "serial")
    assert release(plan, Process("node7", 4242), "", True) is None, "the unit is done"


def test_deaths_that_say_something_of_the_unit_are_counted_and_their_reason_is_recorded(
    plan: SharedPlan,
) -> None:
    for number in range(1, 4):
        died_at(plan, 1)
        release(plan, Process("node7", 4242), f"Slurm: out of {number}00 MB", False)
    work_off(plan.root)
    whys = [read_result(path).record.reason for path in result_files([plan.root / "results"])]
    assert [why for why in whys if why] == [
        "3 workers died or fell silent while restoring (the last one: Slurm: out of 300 MB)"
    ]


def test_a_job_that_always_reaches_the_limit_fails_and_the_others_are_done(
    plan: SharedPlan, tmp_path: Path
) -> None:
    _, number = died_at(plan, 1)
    had = release(plan, Process("node7", 4242), "Slurm: time limit", True)
    assert fail_job(plan, had, OTHER, "time limit, thrice,")
    assert not fail_job(plan, replace(had, number=number), OTHER, "again"), "that lease was given"
    work_off(plan.root)
    failed = {
        p: read_result(p).record
        for p in result_files([plan.root / "results"])
        if read_result(p).record.reason
    }
    (record,) = failed.values()
    assert record.reason == "time limit, thrice, while restoring"
    ours, serial = contents(plan.root), contents(tmp_path / "serial")
    same = [place for place in serial if ours[place] == serial[place]]
    assert len(same) == 3 and len(serial) == 4


def test_windows_are_halved_where_there_is_no_more_memory(plan: SharedPlan) -> None:
    unit = plan.units[0]
    halve_windows(plan, unit.id)
    halve_windows(plan, unit.id)
    assert (plan.task(unit.id).halved, plan.task(unit.id, whole=True).halved) == (2, 0)
    work_off(plan.root)
    windows = {path: read_result(path).record for path in result_files([plan.root / "results"])}
    assert {(r.clip == unit.clip, r.window) for r in windows.values()} <= {(True, 1), (False, 4), (False, 3)}
    assert all(
        ("memory ran out (2 x)" in "".join(r.warnings)) == (r.clip == unit.clip) for r in windows.values()
    )


def test_a_unit_that_ran_out_of_memory_waits_for_a_worker_with_more(plan: SharedPlan, monkeypatch) -> None:
    first = plan.units[0]
    plan.note_memory(first.id, 1000)
    small = Taker(plan, OTHER, memory=1000)
    held = []
    while (lease := small.next()) is not None:
        held.append(lease)
    assert held and first.id not in {lease.unit for lease in held} and not small.all_done
    large = Taker(plan, OTHER, memory=1001).next()
    assert large.unit == first.id
    large.leave()
    for lease in held:
        lease.close()
    plan.forget_memory()
    assert Taker(plan, OTHER, memory=1).next().unit == first.id
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "300")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "2")
    assert usable_memory() == 600
    monkeypatch.delenv("SLURM_MEM_PER_CPU")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4000")
    assert usable_memory() == 4000


def test_a_tasks_processes_are_read_and_half_a_line_is_not(tmp_path: Path) -> None:
    note = tmp_path / "12_0"
    assert processes(note) == []
    note.write_text("node1 17\nnode2 18\nnode")
    assert processes(note) == [Process("node1", 17), Process("node2", 18)]
