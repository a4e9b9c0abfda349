"""Boards by a real Slurm of two nodes: whatever happens to its tasks, results are those of a serial run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.fleet.slurm.cluster import Cluster, until
from vfsrbench.board import Board
from vfsrbench.errors import InputError
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.fleet.slurm.array import Array
from vfsrbench.fleet.slurm.commands import Slurm
from vfsrbench.fleet.slurm.dead import processes
from vfsrbench.fleet.slurm.engine import SlurmEngine
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.run import run_board
from vfsrbench.runs.summary import RunSummary

pytestmark = pytest.mark.slurm
SLEEP = "time.sleep(float(os.environ.get('TEST_SLEEP', 0)))"
"""What the slow method does: nothing in the serial run, which is not given the variable."""
QUICK = {"array": "3", "poll": "0.3", "silence": "8"}


@pytest.fixture
def cluster(slurm_cluster: Cluster) -> Cluster:
    return slurm_cluster


class Told(Silent):
    """What a run said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def working(self, task, event) -> None:
        if event.job is None and event.step not in self.lines:
            self.lines.append(event.step)


@dataclass
class Disturbed(SlurmEngine):
    """The engine, and things that happen when so many units are done: each once, in their order."""

    happens: list[tuple[int, Callable[[Array], bool]]] = field(default_factory=list)

    def tend(self, plan: SharedPlan, watch: Watch) -> None:
        due = self._array is not None and self.happens and len(watch.done) >= self.happens[0][0]
        if due and self.happens[0][1](self._array):
            self.happens.pop(0)
        super().tend(plan, watch)


def board_of(tmp_path: Path, clips: int, act: str, **more: object) -> Board:
    data = data_set(tmp_path / "data", [f"clip {n}" for n in range(clips)], frames=12)
    methods = [method_folder(tmp_path, "slow", act), method_folder(tmp_path, "nearest", mode="nearest")]
    facts = {"splits": ["bi-x4"], "metrics": ["psnr", "ssim"], **more}
    return small_board(data, methods, **facts)


def run_by(
    engine: SlurmEngine, board: Board, workspace: Path, **options: object
) -> tuple[RunSummary, list[str]]:
    told = Told()
    summary = run_board(board, workspace, Options(**options), engine=engine, progress=told)
    return summary, told.lines


def last_process(array: Array, index: int) -> int | None:
    """The process of a slot that has a unit now."""
    slot = array.slots[index]
    found = processes(array.script.started / f"{slot.job}_{slot.index}")
    listing, done = array.plan.leases.listing(), array.plan.finished()
    for unit, number in listing.last.items():
        lease = array.plan.leases.look(unit, number)
        held = unit not in done and (unit, number) not in listing.left
        if held and found and lease.owner.pid == found[-1].pid:
            return found[-1].pid
    return None


def test_three_tasks_do_what_the_serial_engine_does_to_the_byte(
    cluster: Cluster, tmp_path: Path, monkeypatch
) -> None:
    board = board_of(tmp_path, 6, SLEEP, splits=["bi-x4", "bi-x8"])
    run_with(board, tmp_path / "serial")
    monkeypatch.setenv("TEST_SLEEP", "0.3")
    workspace = tmp_path / "on é 100%"
    summary, lines = run_by(SlurmEngine(options={**QUICK, "time": "10"}), board, workspace)
    assert summary.counts == {"ok": 24} and summary.exit_code == 0
    assert contents(workspace) == contents(tmp_path / "serial")
    script = workspace / "slurm" / "worker.sbatch"
    assert lines[0].startswith("submitted Slurm job ") and lines[0].endswith(
        f": 3 workers on cpu, by {script}"
    )
    assert list((workspace / "logs").glob("slurm-*_2.log")), "each task's output is in the workspace"
    until(lambda: not cluster.tasks(), 30, cluster.report)


@pytest.mark.slow
def test_the_script_serves_by_hand(cluster: Cluster, tmp_path: Path) -> None:
    board = board_of(tmp_path, 2, "pass")
    run_with(board, tmp_path / "serial")
    workspace = tmp_path / "w"
    summary, _ = run_by(SlurmEngine(options=QUICK, wait=False), board, workspace)
    assert summary.left
    cluster.ask("scancel", "--name=vfsrbench-small")
    until(lambda: not cluster.tasks(), 60, cluster.report)
    cluster.ask("sbatch", "--array=5", str(workspace / "slurm" / "worker.sbatch"))
    (plan,) = plans_of(workspace)
    until(lambda: plan.is_over, 90, cluster.report)
    assert contents(workspace) == contents(tmp_path / "serial")


@pytest.mark.slow
def test_a_run_that_did_not_wait_is_followed_by_the_next(
    cluster: Cluster, tmp_path: Path, monkeypatch
) -> None:
    board = board_of(tmp_path, 3, SLEEP)
    run_with(board, tmp_path / "serial")
    monkeypatch.setenv("TEST_SLEEP", "1")
    _, first = run_by(SlurmEngine(options=QUICK, wait=False), board, tmp_path / "w")
    summary, second = run_by(SlurmEngine(options=QUICK), board, tmp_path / "w")
    job = first[0].split()[3].rstrip(":")
    assert second[0] == f"goes on with Slurm job {job}, which was submitted for this plan before"
    assert summary.counts == {"ok": 6} and contents(tmp_path / "w") == contents(tmp_path / "serial")


def test_a_cancelled_task_a_killed_worker_and_a_lost_node_cost_their_units_alone(
    cluster: Cluster, tmp_path: Path, monkeypatch
) -> None:
    board = board_of(tmp_path, 9, SLEEP)
    run_with(board, tmp_path / "serial")
    monkeypatch.setenv("TEST_SLEEP", "4")

    def cancel(array: Array) -> bool:
        cluster.ask("scancel", f"{array.jobs[0]}_0")
        return True

    def kill(array: Array) -> bool:
        process = last_process(array, 1)
        if process is not None:
            os.kill(process, signal.SIGKILL)
        return process is not None

    def lose(array: Array) -> bool:
        if not array.slots[0].over or array.slots[1].ended == 0:
            return False  # both are seen to first
        cluster.ask("scontrol", "update", "nodename=n1", "state=drain", "reason=test")
        cluster.stop_node("n2")
        return True

    engine = Disturbed(options={**QUICK, "array": "4"}, happens=[(1, cancel), (2, kill), (4, lose)])
    try:
        summary, lines = run_by(engine, board, tmp_path / "w")
    finally:
        cluster.start_node("n2")
        cluster.ask("scontrol", "update", "nodename=n1", "state=resume")
    assert not engine.happens, "all of it happened"
    assert summary.counts == {"ok": 18}
    assert contents(tmp_path / "w") == contents(tmp_path / "serial")
    assert engine._array.slots[0].over.endswith("_0 was cancelled"), "it is not started again"
    assert any("_1 ended by SIGKILL on n" in line and line.endswith("it starts again") for line in lines), (
        lines
    )


@pytest.mark.slow
def test_a_preempted_task_starts_again(cluster: Cluster, tmp_path: Path, monkeypatch) -> None:
    board = board_of(tmp_path, 4, SLEEP)
    run_with(board, tmp_path / "serial")
    monkeypatch.setenv("TEST_SLEEP", "1.5")

    def preempt(array: Array) -> bool:
        cluster.ask(
            "sbatch", "--partition=first", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 4"
        )
        return True

    engine = Disturbed(options=QUICK, happens=[(1, preempt)])
    summary, lines = run_by(engine, board, tmp_path / "w")
    assert summary.counts == {"ok": 8} and contents(tmp_path / "w") == contents(tmp_path / "serial")
    assert any("was preempted on n" in line and line.endswith("it starts again") for line in lines), lines


@pytest.mark.slow
def test_a_task_at_its_time_limit_starts_again(cluster: Cluster, tmp_path: Path, monkeypatch) -> None:
    """Slurm counts in minutes: the task reaches one with what takes longer."""
    board = board_of(tmp_path, 3, SLEEP)
    run_with(board, tmp_path / "serial")
    monkeypatch.setenv("TEST_SLEEP", "30")
    summary, lines = run_by(SlurmEngine(options={**QUICK, "array": "1", "time": "1"}), board, tmp_path / "w")
    assert summary.counts == {"ok": 6} and contents(tmp_path / "w") == contents(tmp_path / "serial")
    assert any("reached its time limit (00:01:00); it starts again" in line for line in lines), lines


@pytest.mark.slow
def test_a_unit_that_ran_out_of_memory_gets_more(cluster: Cluster, tmp_path: Path) -> None:
    act = "self.held = b'x' * (1 << 30); time.sleep(3)"
    board = board_of(tmp_path, 2, act)
    summary, lines = run_by(
        SlurmEngine(options={**QUICK, "array": "2", "mem": "1000"}), board, tmp_path / "w"
    )
    assert summary.counts == {"ok": 4}
    more = [line for line in lines if "ran out of its memory of 1000 MB" in line]
    assert more and all(
        line.endswith("it starts again with more memory (MinMemoryNode=2000)") for line in more
    )


@pytest.mark.slow
def test_where_slurm_has_no_more_memory_windows_get_smaller(cluster: Cluster, tmp_path: Path) -> None:
    act = "held = b'x' * (len(frames) * (300 << 20)); time.sleep(3)"
    board = board_of(tmp_path, 1, act)
    options = {**QUICK, "array": "1", "mem": "3000"}
    summary, lines = run_by(SlurmEngine(options=options), board, tmp_path / "w")
    assert summary.counts == {"ok": 2}, summary.problems
    assert any("Slurm has no node with more than 3000 MB" in line for line in lines), lines
    windows = {job.method: record.window for job, record in summary.records.items()}
    assert windows == {"slow": 6, "nearest": 6}


@pytest.mark.slow
def test_where_slurm_has_no_more_memory_the_job_fails_and_the_others_do_not(
    cluster: Cluster, tmp_path: Path
) -> None:
    board = board_of(tmp_path, 1, "self.held = b'x' * (5 << 30); time.sleep(3)")
    summary, lines = run_by(
        SlurmEngine(options={**QUICK, "array": "1", "mem": "3000"}), board, tmp_path / "w"
    )
    assert summary.counts == {"failed": 1, "ok": 1}
    assert any("Slurm has no node with more than 3000 MB" in line for line in lines), lines
    (why,) = [why for _, why in summary.problems]
    assert "ran out of its memory of 3000 MB" in why


def test_a_program_that_cannot_start_is_told_of(cluster: Cluster, tmp_path: Path) -> None:
    board = board_of(tmp_path, 1, "pass")
    options = {**QUICK, "array": "1", "setup": "echo no such module >&2; exit 7"}
    with pytest.raises(
        InputError, match=r"ended 3 times before it took a unit: ended by exit code 7 .*no such module"
    ):
        run_by(SlurmEngine(options=options), board, tmp_path / "w")


def test_a_task_is_not_started_in_the_second_in_which_it_ended(cluster: Cluster, tmp_path: Path) -> None:
    """Its node would refuse it, and Slurm would tell of exit code 1."""
    script = tmp_path / "ends-as-a-second-begins.sh"
    script.write_text("#!/bin/bash\nwhile (( 10#$(date +%N) > 50000000 )); do sleep 0.01; done\nexit 7\n")
    slurm = Slurm()
    job = slurm.submit(script, ["--array=0", "--requeue", "--output=/dev/null"])
    codes = []
    for _ in range(3):
        until(lambda: slurm.tasks([job])[job, 0].ended, 30, cluster.report, every=0.01)
        codes.append(slurm.details(job, 0).code)
        assert not slurm.requeue(job, 0)
        slurm.start_soon(job, 0)
    assert codes == [7, 7, 7]
    slurm.cancel([job])


def test_what_sbatch_refuses_is_told_in_its_words(cluster: Cluster, tmp_path: Path) -> None:
    board = board_of(tmp_path, 1, "pass")
    with pytest.raises(InputError, match=r"sbatch refuses .*invalid partition specified: nope"):
        run_by(SlurmEngine(options={**QUICK, "partition": "nope"}), board, tmp_path / "w")


def test_ctrl_c_cancels_what_it_submitted_and_nothing_else(
    cluster: Cluster, tmp_path: Path, monkeypatch
) -> None:
    board = board_of(tmp_path, 4, SLEEP)
    monkeypatch.setenv("TEST_SLEEP", "5")
    foreign = cluster.ask(
        "sbatch", "--parsable", "--job-name=vfsrbench-small", "--output=/dev/null", "--wrap=sleep 300"
    )
    file = board_file(tmp_path / "board.toml", board)
    options = [f"--engine-option={name}={value}" for name, value in QUICK.items()]
    command = [sys.executable, "-m", "vfsrbench", "run", str(file), "--workspace", str(tmp_path / "w")]
    process = subprocess.Popen([*command, "--engine", "slurm", *options], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: list((tmp_path / "w").glob("plans/*/leases/*.1")), 90, cluster.report)
        assert len(cluster.tasks()) == 4
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130 and "the same command goes on from here" in said
        (log,) = (tmp_path / "w" / "logs").glob("2*.log")
        assert "cancelled Slurm job" in log.read_text()
        until(lambda: cluster.tasks() == [foreign], 30, cluster.report)
    finally:
        process.kill()
        cluster.ask("scancel", foreign)
    (plan,) = plans_of(tmp_path / "w")

    def free(unit: str) -> bool:
        """Given back, or, by a worker that Slurm killed before it could do that, silent for so long."""
        listing = plan.leases.listing()
        if listing.open_now(unit):
            return True
        lease = plan.leases.look(unit, listing.last[unit])
        return lease is not None and lease.silent

    until(lambda: all(free(unit.id) for unit in plan.units), 30)
