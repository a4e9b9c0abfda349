"""Fifty runs killed at random moments, with one worker and with two: the results are those of a calm run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, small_board

KILLS = 50
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
