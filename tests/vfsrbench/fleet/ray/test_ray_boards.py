"""Boards on a real Ray cluster of several nodes: the bytes of the serial engine, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.fleet.processes import until
from vfsrbench.errors import InputError
from vfsrbench.fleet.plan.files import SharedPlan, plans_of
from vfsrbench.fleet.ray import actors
from vfsrbench.fleet.ray.actor import Place, WorkerActor
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
            # its actor may live a moment longer, and must not end its unit
            until(lambda: run.done() or sum(map(psutil.pid_exists, made.pids())) == 2, 60)
        finally:
            made.gate.unlink()
        run.result()
    begun = Counter(line[1] for line in made.lines())
    assert len(begun) == 4 and begun.total() == 6, "two units, or one twice, were begun again"
    plan = plans_of(made.workspace)[-1]
    tries = {unit.id: plan.outcome(unit.id).tries for unit in plan.units}
    assert sum(tries.values()) == len(tries) + 2
    lost = sum(plan.leases.lost_tries(unit, number) for unit, number in tries.items())
    assert lost == 1, "that a node went is not the unit's fault"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_its_actors_and_its_cluster(made: Made, tmp_path: Path, number: int) -> None:
    made.gate.touch()
    arguments = ["run", made.file, "-w", made.workspace, "--engine", "ray", "--workers", 1, "--no-report"]
    command = [sys.executable, "-m", "vfsrbench", *map(str, arguments), "--engine-option", "silence=600"]
    with (tmp_path / "said").open("w") as said:
        run = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
        try:
            until(lambda: run.poll() is not None or made.lines() != [], 180)
            started = psutil.Process(run.pid).children(recursive=True)
            assert any("raylet" in process.name() for process in started), started
            # a terminal sends Ctrl-C to all of its foreground group, what Ray started there included
            (os.killpg if number == signal.SIGINT else os.kill)(run.pid, number)
            assert run.wait(60) == 130, (tmp_path / "said").read_text()
        finally:
            run.kill()
    assert "Traceback" not in (tmp_path / "said").read_text()
    gone, alive = psutil.wait_procs(started, 20)
    assert gone and not alive, "the cluster that the run started is ended"
    plan = plans_of(made.workspace)[-1]
    listing = plan.leases.listing()
    assert listing.last and all(listing.open_now(unit) for unit in listing.last), "its unit is free at once"
    (unit,) = listing.last
    assert plan.leases.lost_tries(unit, 2) == 0, "that is no failed try"
    assert not list((made.workspace / "scratch").iterdir()), "nothing is left behind"


def test_a_job_at_which_actors_die_again_and_again_fails_alone(made: Made, nodes, tmp_path: Path) -> None:
    killer = method_folder(tmp_path, "killer", "self.clip.name == 'one' and os.kill(os.getpid(), 9)")
    board = made.board.replace(methods=(*made.board.methods, killer))
    engine = RayEngine(None, {"address": nodes.address, "silence": "600"})
    summary = run_board(board, made.workspace, engine=engine)
    assert summary.counts == {"ok": 11, "failed": 1}
    ((where, why),) = summary.problems
    assert where == "killer, bi-x4, one" and "3 workers died or fell silent while restoring" in why
    ours = contents(made.workspace)
    assert {place: ours[place] for place in made.serial} == made.serial


class Changes(RayEngine):
    """Its method's code is another when the actors start: as on a machine where it was not brought up to
    date."""

    def begin(self, plan: SharedPlan) -> None:
        for row in plan.setup().methods.values():
            code = row.method.entry.folder / "code.py"
            code.write_text(code.read_text() + "\nCHANGED = True\n")
        super().begin(plan)


def test_nodes_with_other_code_are_refused_with_the_reason(made: Made, nodes) -> None:
    with pytest.raises(
        InputError, match=r"no actor is at work, .* is another here than planned: code differ"
    ):
        run_board(made.board, made.workspace, engine=Changes(1, {"address": nodes.address}))
    assert not contents(made.workspace), "nothing stands under a key that is not its own"


class Dies(WorkerActor):
    """An actor whose process ends as it starts."""

    def place(self) -> Place:
        os._exit(1)


def test_actors_that_cannot_start_are_given_up_with_the_reason(made: Made, nodes, monkeypatch) -> None:
    monkeypatch.setattr(actors, "WorkerActor", Dies)
    with pytest.raises(InputError, match="3 actors in a row died before they took a unit: The"):
        run_board(made.board, made.workspace, engine=RayEngine(1, {"address": nodes.address}))


def test_a_run_goes_on_where_another_engine_was_stopped(made: Made, nodes) -> None:
    run_board(made.board.replace(methods=made.board.methods[:1]), made.workspace, engine="serial")
    made.run(nodes.address)


def test_a_cluster_that_does_not_answer_is_named(made: Made) -> None:
    engine = RayEngine(2, {"address": "127.0.0.1:9"})
    with pytest.raises(InputError, match=r"address=127.0.0.1:9: nothing answers there .*ray start --head"):
        run_board(made.board, made.workspace, engine=engine)
