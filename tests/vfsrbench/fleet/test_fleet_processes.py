"""`vfsrbench worker` processes: killed, stopped, interrupted; the results are those of the serial engine."""

from __future__ import annotations

import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.fleet.processes import programs, until
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.status import status_of
from vfsrbench.results.load import result_files
from vfsrbench.runs.run import run_board

pytestmark = pytest.mark.slow
SILENCE = 3.0


@pytest.fixture
def made(tmp_path: Path):
    """A board of a method that notes each restoration and waits while a file is there; serial results."""
    log, gate = tmp_path / "restored", tmp_path / "gate"
    act = (
        f"open({str(log)!r}, 'a').write(f'{{os.getpid()}} {{self.clip.name}} {{self.clip.recipe}}\\n'); "
        f"[time.sleep(0.02) for _ in iter(lambda: os.path.exists({str(gate)!r}), False)]"
    )
    data = data_set(tmp_path / "data", ["one", "two", "three"], frames=5)
    methods = [method_folder(tmp_path, "quick"), method_folder(tmp_path, "waits", act)]
    board = small_board(data, methods)
    run_with(board, tmp_path / "serial")
    log.write_text("")
    return board, tmp_path / "w", log, gate, contents(tmp_path / "serial")


def plan(board, workspace: Path, silence: float = SILENCE) -> SharedPlan:
    engine = WorkersEngine(workers=3, wait=False, options={"silence": str(silence)})
    run_board(board, workspace, engine=engine)
    return plans_of(workspace)[-1]


def restored(log: Path) -> Counter[str]:
    return Counter(line.split(" ", 1)[1] for line in log.read_text().splitlines())


def test_three_workers_share_the_work(made, tmp_path: Path) -> None:
    board, workspace, log, _, serial = made
    plan(board, workspace, 60)
    with programs(tmp_path / "logs") as start:
        workers = [start("worker", workspace, "--device", "cpu") for _ in range(3)]
        assert [worker.code() for worker in workers] == [0, 0, 0], [worker.said for worker in workers]
    assert contents(workspace) == serial
    assert set(restored(log).values()) == {1}, "nothing was done twice"
    assert not list((workspace / "scratch").iterdir()), "nothing is left behind"


def test_a_killed_worker_costs_its_unit_alone(made, tmp_path: Path) -> None:
    board, workspace, log, gate, serial = made
    shared = plan(board, workspace)
    gate.touch()
    with programs(tmp_path / "logs") as start:
        victim = start("worker", workspace, "--device", "cpu")
        until(lambda: log.read_text() != "")
        victim.kill()
        gate.unlink()
        others = [start("worker", workspace, "--device", "cpu") for _ in range(2)]
        assert [worker.code() for worker in others] == [0, 0], [worker.said for worker in others]
    assert contents(workspace) == serial
    twice = [what for what, count in restored(log).items() if count > 1]
    assert len(twice) == 1 and sum(restored(log).values()) == 7
    assert max(shared.outcome(unit.id).tries for unit in shared.units) == 2


def test_a_worker_that_stood_still_notices_that_its_unit_is_anothers(made, tmp_path: Path) -> None:
    board, workspace, log, gate, serial = made
    plan(board, workspace)
    gate.touch()
    with programs(tmp_path / "logs") as start:
        stopped = start("worker", workspace, "--device", "cpu")
        until(lambda: log.read_text() != "")
        stopped.signal(signal.SIGSTOP)
        gate.unlink()
        assert start("worker", workspace, "--device", "cpu").code() == 0
        (status,) = status_of(workspace)
        assert status.over
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in result_files([workspace])}
        stopped.signal(signal.SIGCONT)
        assert stopped.code() == 0
        assert "was taken over by another worker" in stopped.said and "1 lost to others" in stopped.said
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in result_files([workspace])}
    assert after == before, "nothing was written again"
    assert contents(workspace) == serial


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_worker_gives_its_unit_back_at_once(made, tmp_path: Path, number: int) -> None:
    board, workspace, log, gate, serial = made
    shared = plan(board, workspace, silence=600)
    gate.touch()
    with programs(tmp_path / "logs") as start:
        first = start("worker", workspace, "--device", "cpu")
        until(lambda: log.read_text() != "")
        (status,) = status_of(workspace)
        (running,) = status.running
        assert f"process {first.process.pid} on cpu" in running.where and running.what.startswith(
            "restoring waits on bi-x"
        )
        first.signal(number)
        assert first.code() == 130 and "Traceback" not in first.said
        assert shared.leases.listing().open_now(running.unit)
        gate.unlink()
        assert start("worker", workspace, "--device", "cpu").code() == 0
    assert contents(workspace) == serial


def test_the_run_waits_for_workers_and_reports(made, tmp_path: Path) -> None:
    board, workspace, _, _, serial = made
    file = board_file(tmp_path / "board.toml", board)
    with programs(tmp_path / "logs") as start:
        run = start("run", file, "-w", workspace, "--engine", "workers", "--no-report", "-v")
        until(lambda: "waiting for workers" in run.said)
        worker = start("worker", workspace, "--device", "cpu")
        assert worker.code() == 0 and run.code() == 0, run.said
        assert "12 ok" in run.said and re.search("(quick|waits), bi-x4, one: done", run.said)
    assert contents(workspace) == serial


def test_a_worker_does_not_wait_for_others_longer_than_it_is_told(made, tmp_path: Path) -> None:
    board, workspace, log, gate, _ = made
    shared = plan(board, workspace, silence=600)
    gate.touch()
    with programs(tmp_path / "logs") as start:
        first = start("worker", workspace, "--device", "cpu")
        until(lambda: log.read_text() != "")
        for unit in shared.units:  # all the others are taken, too
            shared.leases.take(
                unit.id, 1, shared.leases.look(sorted(shared.leases.listing().last)[0], 1).owner
            )
        assert start("worker", workspace, "--device", "cpu", "--idle", "0.5").code() == 0
        first.kill()
    assert not shared.is_over
