"""The Ray engine where no Ray is needed: its options, its environment, what it says without Ray."""

from __future__ import annotations

import os
import re
import signal
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, data_set, small_board
from vfsrbench.cli import main
from vfsrbench.engines.local import kept_memory
from vfsrbench.errors import InputError
from vfsrbench.fleet.ray import options
from vfsrbench.fleet.ray.cluster import RayCluster, actor_environment, reason_of
from vfsrbench.fleet.ray.engine import RayEngine
from vfsrbench.fleet.ray.options import KNOWN, RayOptions
from vfsrbench.fleet.signals import stopped_by_signals


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"adress": "x"}, "engine 'ray' has no option 'adress'; it has address, cpus, device, silence"),
        ({"address": "here"}, "address=here: give HOST:PORT, as `ray start --head` printed it"),
        ({"address": "here:99999"}, "give HOST:PORT"),
        ({"address": ""}, "give HOST:PORT"),
        ({"address": "auto"}, "address=auto: give HOST:PORT"),
        ({"address": "ray://here:10001"}, "Ray's client is not used"),
        ({"cpus": "0"}, "cpus=0: give the CPUs of each actor, a whole number from 1 to 1024"),
        ({"cpus": "1.5"}, "cpus=1.5"),
        ({"device": "cuda:1"}, "device=cuda:1: use cpu or cuda; Ray chooses which GPU"),
        ({"device": ""}, "device="),
    ],
)
def test_options_are_checked(given: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        RayOptions.of(given)


def test_options_that_are_good() -> None:
    assert RayOptions.of({}) == RayOptions()
    found = RayOptions.of({"address": "head-1:6379", "cpus": "4", "device": "cuda", "silence": "60"})
    assert found == RayOptions("head-1:6379", 4, "cuda", "60")
    assert RayOptions.of({"address": "[::1]:6379"}).address == "[::1]:6379"
    assert set(KNOWN) == {"address", "cpus", "device", "silence"}


class RayIn:
    """Finds what is called `ray` in one folder, whatever is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [self.folder]) if name == "ray" else None


def test_without_ray_one_line_says_how_to_get_it(tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "ray").mkdir()  # a folder of that name is no Ray
    monkeypatch.setattr(sys, "meta_path", [RayIn(tmp_path), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    file = board_file(
        tmp_path / "board.toml", small_board(data_set(tmp_path / "data", ["one"], 2), ["bicubic"])
    )
    assert main.run(["run", str(file), "-w", str(tmp_path / "w"), "--engine", "ray"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "engine 'ray' needs Ray, which is not installed: pip install vfsrbench[ray]" in line


def test_actors_find_our_threads_and_no_others() -> None:
    ours = {"VFSRBENCH_WEIGHTS": "/w", "PYTHONPATH": "/p", "VFSRBENCH_WORKER_AGAIN": "3", "SECRET": "s"}
    found = actor_environment(ours, 4)
    assert found == {
        "VFSRBENCH_WEIGHTS": "/w",
        "PYTHONPATH": "/p",
        "OMP_NUM_THREADS": "4",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
        **kept_memory(),
    }
    assert actor_environment({"OMP_NUM_THREADS": "2"}, 4)["OMP_NUM_THREADS"] == "2"


class FakeNodes:
    """What `ray.nodes()` says, in place of Ray."""

    def __init__(self, *resources: dict[str, float]) -> None:
        self.resources = resources

    def nodes(self) -> list[dict[str, object]]:
        return [{"NodeID": str(n), "Alive": True, "Resources": r} for n, r in enumerate(self.resources)] + [
            {"NodeID": "gone", "Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}
        ]


def test_an_actor_a_gpu_or_so_many_cpus(monkeypatch) -> None:
    def cluster(given: dict[str, str], *nodes: dict[str, float]) -> RayCluster:
        monkeypatch.setitem(sys.modules, "ray", FakeNodes(*nodes))
        return RayCluster(RayOptions.of(given))

    mixed = ({"CPU": 16.0, "GPU": 4.0}, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 7.0})
    gpus = cluster({}, *mixed)
    assert (gpus.device, gpus.rooms(), gpus.cpus) == ("cuda", 5, 4), "a GPU's share of the cores as threads"
    asked = gpus.requirements()
    assert (asked["num_gpus"], asked["num_cpus"]) == (1, 1), "what others have of the cores does not count"
    assert asked["runtime_env"]["env_vars"]["OPENBLAS_NUM_THREADS"] == "1"
    assert gpus.is_alive("1") and not gpus.is_alive("gone")
    assert cluster({"cpus": "2"}, *mixed).requirements()["num_cpus"] == 2
    cpus = cluster({"device": "cpu", "cpus": "3"}, *mixed)
    assert (cpus.device, cpus.rooms()) == ("cpu", 5 + 2 + 2)
    assert (cpus.requirements()["num_gpus"], cpus.requirements()["num_cpus"]) == (0, 3)
    assert cluster({}, {"CPU": 2.0}, {}).rooms() == 2, "a head node may have no CPU to give"
    with pytest.raises(InputError, match="device=cuda: no node of the Ray cluster has a GPU"):
        cluster({"device": "cuda"}, {"CPU": 2.0})


def test_errors_of_ray_in_one_line() -> None:
    handed_on = (
        "\x1b[36mray::X.__init__()\x1b[39m (pid=1)\nModuleNotFoundError: No module named 'vfsrbench'\n"
    )
    assert reason_of(RuntimeError(handed_on)) == "ModuleNotFoundError: No module named 'vfsrbench'"
    assert reason_of(RuntimeError("The actor died.\n\tclass_name: X\n")) == "The actor died."
    assert reason_of(RuntimeError("")) == "RuntimeError"


def test_a_run_that_would_not_wait_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda name: sys.__spec__ or _Spec())
    engine = RayEngine(2)
    engine.wait = False
    with pytest.raises(InputError, match="--no-wait: the actors of engine 'ray' end with the run"):
        next(engine.run(lambda: None, [1], lambda *a: None, lambda *a: None))


class _Spec:
    origin = "somewhere"


def test_signals_are_ours_again_after_a_library_took_them() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with stopped_by_signals() as install:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray's start takes it
        install()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_making_the_engine_imports_no_ray() -> None:
    """Ray is imported where it is used: in functions."""
    files = list(Path(options.__file__).parent.glob("*.py"))
    assert len(files) == 6
    for file in files:
        assert not re.search(r"^(import|from) ray\b", file.read_text(), re.MULTILINE), file
