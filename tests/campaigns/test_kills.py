"""Commands killed at random moments: what they make in the end is what a calm one makes, and nothing else."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, small_board
from vfsrbench.io.safety.ownership import NOTE
from vfsrbench.runs.run import run_board

KILLS = 50
KILLS_EACH = 10
NOISY = "time.sleep(0.05); out = out + 0.1 * torch.randn(out.shape, generator=generator)"


def command(board: Path, workspace: Path, *more: str) -> list[str]:
    base = [sys.executable, "-m", "vfsrbench", "run", str(board), "-w", str(workspace), "--no-report"]
    return [*base, "--keep", "png", *more]


def leftovers(workspace: Path) -> list[str]:
    """Unfinished files anywhere in a workspace, and whatever lies in its scratch."""
    found = [p for p in workspace.rglob("*") if ".part" in p.name]
    scratch = workspace / "scratch"
    found += [p for p in scratch.rglob("*") if p.is_file()] if scratch.is_dir() else []
    return sorted(str(p.relative_to(workspace)) for p in found)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_runs_go_on_to_the_files_of_a_calm_one(tmp_path: Path, workers: str):
    folders = [method_folder(tmp_path / "methods", name, NOISY) for name in ("a", "b", "c")]
    data = data_set(tmp_path / "data", ["one", "two", "three"])
    metrics = ["psnr", "ssim", "ewarp_dis"]
    board = board_file(tmp_path / "board.toml", small_board(data, folders, metrics=metrics))
    calm = subprocess.run(
        command(board, tmp_path / "calm", "--engine", "serial"), capture_output=True, text=True, check=False
    )
    assert calm.returncode == 0, calm.stderr
    expected = contents(tmp_path / "calm")
    dice = random.Random(int(workers))
    killed = fresh = 0
    while killed < KILLS // 2:
        workspace = tmp_path / f"wild{fresh}"
        process = subprocess.Popen(
            command(board, workspace, "--workers", workers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(dice.uniform(0.5, 9))
        if process.poll() is not None:  # it was done: another workspace to disturb
            assert process.returncode == 0 and contents(workspace) == expected
            assert leftovers(workspace) == []
            fresh += 1
            continue
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(dice.choice([process.pid, *(c.pid for c in children)]), signal.SIGKILL)
        killed += 1
        time.sleep(dice.uniform(0, 0.3))
        process.kill()
        process.wait(60)
        psutil.wait_procs(children, timeout=20)
    for number in range(fresh + 1):
        workspace = tmp_path / f"wild{number}"
        other = "2" if workers == "1" else "1"
        done = subprocess.run(
            command(board, workspace, "--workers", other), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert contents(workspace) == expected and leftovers(workspace) == []


def plain(folder: Path) -> dict[str, bytes]:
    """Every file but our journals: pictures and JSON that hold no times."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != NOTE
    }


def numbers(folder: Path) -> dict[str, bytes]:
    """What a report says, in files that do not carry the time at which they were made."""
    found = {name: data for name, data in plain(folder).items() if not name.endswith((".pdf", ".html"))}
    # videos of a site are made to be looked at, no figure comes from them: their bytes are not compared
    return {name: b"" if name.endswith(".mp4") else data for name, data in found.items()}


def frames_of(folder: Path) -> dict[str, bytes]:
    """A restored clip's pictures; the note beside them carries seconds."""
    found = plain(folder)
    return {name: data if name.endswith(".png") else b"" for name, data in found.items()}


class Verb:
    """A command that writes below a folder, and what of that must be equal in the end."""

    def __init__(self, arguments: list[str], compare: Callable[[Path], dict[str, bytes]]) -> None:
        self.arguments, self.compare = arguments, compare

    def start(self, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "vfsrbench", *(a.replace("OUT", str(out)) for a in self.arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def verbs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verb]:
    root = tmp_path_factory.mktemp("verbs")
    data = data_set(root / "data", ["id/one", "id/two", "three"], frames=12)
    slow = method_folder(root / "methods", "slow", "time.sleep(0.3)")
    board = board_file(root / "board.toml", small_board(data, [slow], splits=["bi-x4"]))
    assert run_board(board, root / "w", engine="serial").exit_code == 0
    degrade = ["degrade", "OUT", "--dataset", str(data), "--split", "vfhq-mild", "--split", "bi-x4"]
    report = ["report", str(board), "-w", str(root / "w")]
    restore = ["restore", str(data), "OUT", "--method", slow, "--scale", "1"]
    return {
        "degrade": Verb([*degrade, "--engine", "serial"], plain),
        "degrade with workers": Verb([*degrade, "--workers", "2"], plain),
        "restore": Verb(restore, frames_of),
        "report": Verb([*report, "--out", "OUT"], numbers),
        "site": Verb([*report, "--html", "OUT"], numbers),
    }


def kill(process: subprocess.Popen[bytes]) -> None:
    """All of it at once, as when a machine goes down."""
    children = psutil.Process(process.pid).children(recursive=True)
    for child in [process, *children]:
        with suppress(psutil.NoSuchProcess):
            os.kill(child.pid, signal.SIGKILL)
    process.wait(60)
    psutil.wait_procs(children, timeout=20)


def check_killed(verb: Verb, tmp_path: Path, moments: Iterator[float | None]) -> tuple[int, int]:
    """Kill the command at these moments (seconds; None: as soon as it writes), then let it end.

    Tried, and how often there was something unfinished.
    """
    assert verb.start(tmp_path / "calm").wait(120) == 0
    expected, out = verb.compare(tmp_path / "calm"), tmp_path / "wild"
    assert len(expected) >= 3 and leftovers(tmp_path / "calm") == []
    tried = unfinished = 0
    for moment in moments:
        process = verb.start(out)
        since = time.monotonic()
        while process.poll() is None and time.monotonic() - since < (60 if moment is None else moment):
            if moment is None and out.is_dir() and leftovers(out):
                break
            time.sleep(0.002)
        if process.poll() is None:
            kill(process)
            tried += 1
            unfinished += bool(out.is_dir() and leftovers(out))
        else:
            assert process.returncode == 0 and verb.compare(out) == expected
            shutil.rmtree(out)
    assert verb.start(out).wait(120) == 0
    assert verb.compare(out) == expected and leftovers(out) == []
    return tried, unfinished


@pytest.mark.parametrize(
    "name", ["degrade", *(pytest.param(name, marks=pytest.mark.slow) for name in ("restore", "report"))]
)
def test_what_a_killed_command_left_goes_away(name: str, verbs: dict[str, Verb], tmp_path: Path) -> None:
    """Once, while an unfinished file lies there."""
    assert check_killed(verbs[name], tmp_path, iter([None])) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["degrade", "degrade with workers", "restore", "report", "site"])
def test_commands_killed_at_random_moments(name: str, verbs: dict[str, Verb], tmp_path: Path) -> None:
    dice = random.Random(name)
    moments: list[float | None] = [dice.uniform(0.3, 5) for _ in range(KILLS_EACH - 2)]
    tried, unfinished = check_killed(verbs[name], tmp_path, iter([None, *moments, None]))
    print(f"{name}: {tried} kills, {unfinished} of them left something unfinished")
    assert tried >= KILLS_EACH // 2
