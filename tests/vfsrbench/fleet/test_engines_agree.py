"""One board by every engine: results are the same to the byte, also with a crash in the middle, and where a
run begins on one engine and ends on another.

An engine joins by a way to run a board in `WAYS`: what it is called, and a function of a `Runner`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, run_with, small_board
from tests.vfsrbench.fleet.processes import Program, programs, until

pytestmark = pytest.mark.slow
NOISY = "out = out + 0.1 * torch.randn(out.shape, generator=generator)"
METRICS = ["psnr", "ssim", "ssim_vt", "psnr_clip", "ewarp_dis"]


@dataclass
class Runner:
    """Runs a board in a workspace. `start` starts a `vfsrbench` process; while the file `fuse` is there, the
    method `fragile` removes it and kills its process."""

    board: Path
    workspace: Path
    start: Callable[..., Program]
    fuse: Path

    def run(self, *more: object) -> Program:
        """`vfsrbench run` of the board."""
        return self.start("run", self.board, "-w", self.workspace, "--no-report", *more)

    def by(self, *more: object) -> None:
        """The same, to its end; again where the crash took the run itself with it."""
        program = self.run(*more)
        program.process.join(240)
        if program.process.exitcode != 0:
            assert not self.fuse.exists(), program.said
            assert self.run(*more).code(240) == 0


def by_workers(runner: Runner) -> None:
    """Three processes; one more for each that the crash took."""
    engine = ("--engine", "workers", "--workers", 3, "--engine-option", "silence=4")
    run = runner.run(*engine)
    until(lambda: (runner.workspace / "plans").is_dir() and any((runner.workspace / "plans").iterdir()))
    workers = [runner.start("worker", runner.workspace, "--device", "cpu") for _ in range(3)]
    codes = [worker.code(240) for worker in workers]
    assert codes.count(0) >= 2 and run.code(240) == 0, (codes, run.said)


def slurm(tasks: int) -> list[str]:
    """The options of a run by an array of so many tasks."""
    options = (f"array={tasks}", "poll=0.3", "silence=4")
    return ["--engine", "slurm", *(f"--engine-option={option}" for option in options)]


RAY = ("--engine", "ray", "--workers", 2, "--engine-option", "silence=4")
WAYS: dict[str, Callable[[Runner], None]] = {
    "serial": lambda runner: runner.by("--engine", "serial"),
    "local 1": lambda runner: runner.by("--workers", 1),
    "local 2": lambda runner: runner.by("--workers", 2),
    "local 3": lambda runner: runner.by("--workers", 3),
    "workers": by_workers,
    "slurm": lambda runner: runner.by(*slurm(3)),
    "ray": lambda runner: runner.by(*RAY),
}
SOME_NEED = {"slurm": pytest.mark.slurm, "ray": pytest.mark.ray}
"""Marks of ways that need something."""


@pytest.fixture
def needed(request: pytest.FixtureRequest) -> None:
    """What the ways of a test need, started."""
    if "slurm" in request.node.callspec.params.values():
        request.getfixturevalue("slurm_cluster")
    if "ray" in request.node.callspec.params.values():
        request.getfixturevalue("ray_here")


def marked(*ways: str) -> object:
    """A test's ways, with their marks."""
    return pytest.param(*ways, marks=[SOME_NEED[way] for way in ways if way in SOME_NEED])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, bytes]]:
    """A board, the fuse of its fragile method, and what the serial engine gives undisturbed."""
    root = tmp_path_factory.mktemp("made")
    fuse = root / "fuse"
    fragile = f"os.path.exists({str(fuse)!r}) and (os.unlink({str(fuse)!r}), os.kill(os.getpid(), 9))"
    data = data_set(root / "data", ["one", "two", "three"], frames=20)
    acts = {"plain": "pass", "noisy": NOISY, "fragile": fragile}
    methods = [method_folder(root / "methods", name, act) for name, act in acts.items()]
    board = small_board(data, methods, metrics=METRICS)
    run_with(board, root / "serial")
    return board_file(root / "board.toml", board), fuse, contents(root / "serial")


@pytest.mark.parametrize("crash", [False, True], ids=["calm", "crash"])
@pytest.mark.parametrize("way", [marked(way) for way in WAYS])
def test_an_engine_gives_the_results_of_the_serial_one(
    made, needed, tmp_path: Path, way: str, crash: bool
) -> None:
    board, fuse, expected = made
    if crash:
        fuse.touch()
    with programs(tmp_path / "logs") as start:
        WAYS[way](Runner(board, tmp_path / "w", start, fuse))
    assert not fuse.exists(), "the crash came"
    assert len(expected) == 18 and contents(tmp_path / "w") == expected


PAIRS = [
    ("serial", "workers"),
    ("workers", "local 2"),
    ("local 2", "workers"),
    ("serial", "slurm"),
    ("slurm", "workers"),
    ("serial", "ray"),
    ("ray", "workers"),
]


@pytest.mark.parametrize(("first", "then"), [marked(*pair) for pair in PAIRS])
def test_a_run_may_begin_on_one_engine_and_end_on_another(
    made, needed, tmp_path: Path, first: str, then: str
) -> None:
    board, fuse, expected = made
    with programs(tmp_path / "logs") as start:
        runner = Runner(board, tmp_path / "w", start, fuse)
        begin = {
            "workers": ("--engine", "workers", "--no-wait"),
            "serial": ("--engine", "serial"),
            "local 2": ("--workers", 2),
            "slurm": slurm(1),
            "ray": RAY,
        }
        program = runner.run(*begin[first])
        if first == "workers":
            assert program.code() == 0
            program = start("worker", runner.workspace, "--device", "cpu")
        until(lambda: any((tmp_path / "w" / "results").rglob("*.parquet")), 120)
        program.kill()
        if first == "slurm":
            subprocess.run(["scancel", "--name=vfsrbench-small"], check=True)
            until(lambda: not subprocess.check_output(["squeue", "-h", "-n", "vfsrbench-small"]), 60)
        assert 0 < len(contents(tmp_path / "w")) < 18, "it was stopped in the middle"
        WAYS[then](runner)
    assert contents(tmp_path / "w") == expected
    until(
        lambda: not list((tmp_path / "w" / "scratch").iterdir()), 30
    )  # a cluster's workers end after the run
