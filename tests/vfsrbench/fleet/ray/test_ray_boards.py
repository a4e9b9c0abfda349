"""Boards on a real Ray cluster of several nodes: the bytes of the serial engine, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.fleet.processes import programs, until
from vfsrbench.errors import InputError
from vfsrbench.fleet.plan.files import plans_of
from vfsrbench.fleet.ray.engine import RayEngine
from vfsrbench.runs.run import run_board

pytestmark = pytest.mark.ray
NOTE = (
    "open({log!r}, 'a').write(f'{{os.getpid()}} {{self.clip.name}} {{self.clip.recipe}} "
    '{{os.environ["OMP_NUM_THREADS"]}} {{os.environ["OPENBLAS_NUM_THREADS"]}} '
    '"{{os.environ["CUDA_VISIBLE_DEVICES"]}}"\\n\'); '
    "[time.sleep(0.02) for _ in iter(lambda: os.path.exists({gate!r}), False)]"
)


class Made:
    """A board of a method that notes each restoration and waits while a file is there; serial results."""

    def __init__(self, folder: Path) -> None:
        self.log, self.gate, self.workspace = folder / "restored", folder / "gate", folder / "w"
        act = NOTE.format(log=str(self.log), gate=str(self.gate))
        data = data_set(folder / "data", ["one", "two", "three", "four"], frames=4)
        methods = [method_folder(folder, "quick", mode="nearest"), method_folder(folder, "waits", act)]
        self.board = small_board(data, methods, splits=["bi-x4"], metrics=["psnr"])
        self.file = board_file(folder / "board.toml", self.board)
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        run_with(self.board, folder / "serial")
        self.serial = contents(folder / "serial")
        self.log.write_text("")

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.log.read_text().splitlines()]

    def pids(self) -> list[int]:
        return list(dict.fromkeys(int(line[0]) for line in self.lines()))

    def run(self, address: str) -> None:
        # so long that only what is given back at once is done in time
        engine = RayEngine(None, {"address": address, "silence": "600"})
        assert run_board(self.board, self.workspace, engine=engine).counts == {"ok": 8}
        assert contents(self.workspace) == self.serial


@pytest.fixture
def made(ray_here, tmp_path: Path, monkeypatch) -> Made:
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    return Made(tmp_path)


def test_actors_do_what_the_serial_engine_does_to_the_byte(made: Made, nodes) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    made.run(nodes.address)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert os.getpid() not in made.pids(), "a network runs in its actor's process"
    assert set(Counter(line[1] for line in made.lines()).values()) == {1}, "nothing was done twice"
    # our threads, not Ray's; no GPU for an actor that asked for none
    assert {tuple(line[3:]) for line in made.lines()} == {("3", "1", '""')}


def test_a_killed_actor_and_nodes_that_go_and_come_cost_their_units_alone(made: Made, nodes) -> None:
    made.gate.touch()
    with ThreadPoolExecutor(1) as beside:  # Ray starts nodes in the main thread alone
        run = beside.submit(made.run, nodes.address)
        try:
            until(lambda: run.done() or len(made.pids()) == 2, 120)
            os.kill(made.pids()[0], signal.SIGKILL)
            until(lambda: run.done() or len(made.pids()) == 3, 120)  # another has its unit
            nodes.nodes.append(nodes.add())
            until(lambda: run.done() or len(made.pids()) == 4, 120)  # an actor on the node that came
            nodes.remove(nodes.nodes.pop(1))
        finally:
            made.gate.unlink()
        run.result()
    tries = Counter(line[1] for line in made.lines())
    assert sorted(tries.values()) == [1, 1, 2, 2], "two units were begun again"
    plan = plans_of(made.workspace)[-1]
    assert max(plan.outcome(unit.id).tries for unit in plan.units) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_its_actors_and_its_cluster(made: Made, tmp_path: Path, number: int) -> None:
    made.gate.touch()
    arguments = ["run", made.file, "-w", made.workspace, "--engine", "ray", "--workers", 1, "--no-report"]
    with programs(tmp_path / "logs") as start:
        run = start(*arguments, "--engine-option", "silence=600")
        until(lambda: made.lines() != [], 180)
        started = psutil.Process(run.process.pid).children(recursive=True)
        assert any("raylet" in process.name() for process in started), started
        run.signal(number)
        assert run.code() == 130, run.said
        assert "Traceback" not in run.said
        gone, alive = psutil.wait_procs(started, 20)
        assert gone and not alive, "the cluster that the run started is ended"
    plan = plans_of(made.workspace)[-1]
    listing = plan.leases.listing()
    assert listing.last and all(listing.open_now(unit) for unit in listing.last), "its unit is free at once"
    (unit,) = listing.last
    assert plan.leases.lost_tries(unit, 2) == 0, "that is no failed try"


def test_a_run_goes_on_where_another_engine_was_stopped(made: Made, nodes) -> None:
    run_board(made.board.replace(methods=made.board.methods[:1]), made.workspace, engine="serial")
    made.run(nodes.address)


def test_a_cluster_that_does_not_answer_is_named(made: Made) -> None:
    engine = RayEngine(2, {"address": "127.0.0.1:9"})
    with pytest.raises(InputError, match=r"address=127.0.0.1:9: nothing answers there .*ray start --head"):
        run_board(made.board, made.workspace, engine=engine)
