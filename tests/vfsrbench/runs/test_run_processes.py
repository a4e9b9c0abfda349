"""Runs in processes of their own: killed, interrupted, doubled; the scores are the same to the bit."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.vfsrbench.boards import board_file, contents, data_set, method_folder, scores, small_board
from vfsrbench.runs.run import run_board

WEIGHT_FREE = ["psnr", "ssim", "ssim_vt", "psnr_clip", "ewarp_dis"]
NOISY = "out = out + 0.1 * torch.randn(out.shape, generator=generator)"


def command(board: Path, workspace: Path, *more: str) -> list[str]:
    base = [sys.executable, "-m", "vfsrbench", "run", str(board), "-w", str(workspace), "--no-report", "-v"]
    return [*base, *more]


def run(board: Path, workspace: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(board, workspace, *more), capture_output=True, text=True, timeout=300, check=False
    )


def finish(board: Path, workspace: Path, engine: str = "serial", workers: int | None = None) -> None:
    """The run, or what is left of it, from this process, which has all it needs loaded."""
    assert run_board(board, workspace, engine=engine, workers=workers).exit_code == 0


def make(
    tmp_path: Path, acts: dict[str, str], clips: Sequence[str] = ("one", "two", "three"), **more: object
) -> Path:
    data = data_set(tmp_path / "data", clips)
    folders = [method_folder(tmp_path / "methods", name, act) for name, act in acts.items()]
    return board_file(tmp_path / "board.toml", small_board(data, folders, **more))


def begun(process: subprocess.Popen[str]) -> None:
    """Wait until the run works on its first clip."""
    assert process.stderr is not None
    for line in process.stderr:
        if "degrading" in line or "scoring" in line:
            return


def test_any_number_of_workers_gives_the_same_bits(tmp_path: Path):
    board = make(tmp_path, {"plain": "pass", "noisy": NOISY}, metrics=WEIGHT_FREE)
    finish(board, tmp_path / "serial")
    finish(board, tmp_path / "3", "local", 3)
    assert contents(tmp_path / "3") == contents(tmp_path / "serial")
    one = scores(tmp_path / "serial")
    assert len(one) == 12 and scores(tmp_path / "3") == one
    assert one["noisy", "bi-x4", "one"] != one["noisy", "bi-x4", "two"]


def test_collections_in_a_worker_pass_over_modules_and_in_this_process_do_not(tmp_path: Path):
    """This process is the user's."""
    frozen = "import gc; assert gc.get_freeze_count() > 10_000"
    board = make(tmp_path, {"m": frozen}, ["one"], splits=["bi-x4"], metrics=["psnr"])
    finish(board, tmp_path / "w", "local", 1)
    before = gc.get_freeze_count()
    board = make(tmp_path / "here", {"m": "pass"}, ["one"], splits=["bi-x4"], metrics=["psnr"])
    finish(board, tmp_path / "here" / "w")
    assert gc.get_freeze_count() <= before  # what dies is counted no more


def test_a_run_killed_at_any_moment_goes_on_to_the_scores_of_an_undisturbed_one(tmp_path: Path):
    slow = "time.sleep(0.1)"
    board = make(tmp_path, {"a": slow, "b": f"{slow}; {NOISY}", "c": slow})
    finish(board, tmp_path / "calm")
    dice = random.Random(5)
    for engine in ("serial", "local", "local"):
        more = ["--engine", engine, *(["--workers", "2"] if engine == "local" else [])]
        process = subprocess.Popen(
            command(board, tmp_path / "wild", *more), stderr=subprocess.PIPE, text=True
        )
        begun(process)
        time.sleep(dice.uniform(0, 0.7))
        workers = psutil.Process(process.pid).children() if process.poll() is None else []
        victim = dice.choice([process.pid, *(w.pid for w in workers)])
        if process.poll() is None:
            os.kill(victim, signal.SIGKILL)
        if victim != process.pid:
            time.sleep(0.5)
            process.kill()
        process.wait(60)
        psutil.wait_procs(workers, timeout=20)
        assert process.stderr is not None
        process.stderr.close()
    assert len(scores(tmp_path / "wild")) < 18, "the kills came too late to prove anything"
    finish(board, tmp_path / "wild")
    assert scores(tmp_path / "wild") == scores(tmp_path / "calm")
    assert contents(tmp_path / "wild") == contents(tmp_path / "calm")
    assert not list((tmp_path / "wild" / "scratch").iterdir())


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_ctrl_c_ends_cleanly_and_the_run_can_go_on(tmp_path: Path, engine: str):
    board = make(tmp_path, {"slow": "time.sleep(0.3)"}, clips=["one", "two"])
    process = subprocess.Popen(
        command(board, tmp_path / "w", "--engine", engine), stderr=subprocess.PIPE, text=True
    )
    begun(process)
    children = psutil.Process(process.pid).children()
    assert bool(children) == (engine == "local")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "vfsrbench: stopped; the same command goes on from here"
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    finish(board, tmp_path / "w")
    assert len(scores(tmp_path / "w")) == 4


def test_two_runs_in_one_workspace_share_the_work(tmp_path: Path):
    count = tmp_path / "count"
    count.write_text("")
    act = f"time.sleep(0.2); open({str(count)!r}, 'a').write('x')"
    board = make(tmp_path, {"slow": act})
    other = subprocess.Popen(
        command(board, tmp_path / "w", "--engine", "serial"), stderr=subprocess.PIPE, text=True
    )
    begun(other)
    finish(board, tmp_path / "w")
    said = other.communicate(timeout=120)[1]
    assert other.returncode == 0, said
    assert len(scores(tmp_path / "w")) == 6
    assert len(count.read_text()) == 6, "no clip was restored twice"


def test_a_method_that_kills_its_worker_fails_alone_and_what_methods_print_goes_into_the_log(tmp_path: Path):
    acts = {
        "good": "print('hello from the method'); os.write(2, b'and from C')",
        "killer": "os.kill(os.getpid(), signal.SIGKILL)",
    }
    board = make(tmp_path, acts, clips=["one"], splits=["bi-x4"])
    done = run(board, tmp_path / "w", "--workers", "1")
    assert done.returncode == 3 and "Traceback" not in done.stderr
    found = scores(tmp_path / "w")
    assert set(found) == {("good", "bi-x4", "one"), ("killer", "bi-x4", "one")}
    assert "killed by SIGKILL" in done.stderr and "1 failed, 1 ok" in done.stderr
    assert "psnr" in found["good", "bi-x4", "one"]
    assert "hello" not in done.stdout + done.stderr and "and from C" not in done.stdout + done.stderr
    (log,) = (tmp_path / "w" / "logs").iterdir()
    assert "hello from the method" in log.read_text() and "and from C" in log.read_text()
    again = run_board(board, tmp_path / "w", engine="local", workers=1)
    assert again.exit_code == 3 and again.counts == {"failed": 1, "ok": 1}
    assert set(scores(tmp_path / "w")) == set(found), "it is not tried again unless asked for"


def test_two_workers_share_one_clip_and_the_bits_stay(tmp_path: Path):
    seen = tmp_path / "seen"
    note = f"time.sleep(0.3); open({str(seen)!r}, 'a').write(str(os.getpid()) + ' ')"
    acts = {"a": note, "b": f"{note}; {NOISY}", "c": note, "d": note}
    board = make(tmp_path, acts, clips=["one"], metrics=WEIGHT_FREE)
    done = run(board, tmp_path / "two", "--workers", "2")
    assert done.returncode == 0 and "waiting for another run" not in done.stderr, done.stderr
    pids = seen.read_text().split()
    assert len(pids) == 8 and len(set(pids)) == 2
    finish(board, tmp_path / "serial")
    assert contents(tmp_path / "two") == contents(tmp_path / "serial")
    assert scores(tmp_path / "two") == scores(tmp_path / "serial")
