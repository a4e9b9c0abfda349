"""Workers that share a workspace: how busy they are kept, and what plans of many jobs take.

    python benchmarks/scale.py efficiency               1, 4, 16 and 64 workers; some minutes
    python benchmarks/scale.py efficiency 4 --seconds 10
    python benchmarks/scale.py overlap                  reading, network and writing at once
    python benchmarks/scale.py plans                    workspaces of 10,000 and of 100,000 jobs; some minutes
    python benchmarks/scale.py plans 1000

Methods and metrics only wait, so that few cores do for many workers: units are planned, taken, kept alive and
noted as done by what `vfsrbench worker` runs, and in the place of restoring and scoring a worker sleeps.
Costs are known, as they are from earlier records. The clock runs from the first lease to the last unit's
note, on the workspace's file system. Seconds of `plans` are the processor's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

WAITS = (1.0, 0.5, 0.25, 0.125, 0.0625)
"""Seconds a frame of the methods."""
SCORING = 0.0625
"""Seconds a frame of scoring, for each restored clip."""
PLAN_SIZES = ("memory, planning", "memory, status", "files", "their size")
SIDE = 32
CARD = """
name = "{name}"
title = "{name}"
kind = "video"
class = "code:Method"
description = "waits"
licence = "MIT"
"""
CODE = """
from vfsrbench.predictor import Predictor

class Method(Predictor):
    def restore(self, frames, generator):
        raise NotImplementedError
"""
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["vfsrbench.fleet.working", "vfsrbench.fleet.engine"])


def make_board(root: Path, frames: Sequence[int], methods: int, splits: Sequence[str]) -> Any:
    """A board of methods over small clips of so many frames."""
    from vfsrbench.board import Board

    rng = np.random.default_rng(0)
    for number, count in enumerate(frames):
        folder = root / "data" / f"c{number:05d}"
        folder.mkdir(parents=True)
        for frame in range(count):
            picture = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            cv2.imwrite(str(folder / f"{frame:04d}.png"), picture)
    folders = []
    for number in range(methods):
        folder = root / "methods" / f"wait{number}"
        folder.mkdir(parents=True)
        (folder / "card.toml").write_text(CARD.format(name=folder.name))
        (folder / "code.py").write_text(CODE)
        folders.append(str(folder))
    return Board.model_validate(
        {
            "name": "scale",
            "title": "Scale",
            "version": 1,
            "dataset": {"layout": "folder", "path": str(root / "data")},
            "splits": list(splits),
            "methods": folders,
            "metrics": ["psnr"],
        }
    )


def in_process(call: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call in a fresh process, and the most memory that it took (bytes)."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_answer, args=(theirs, call, arguments))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def _answer(pipe: Any, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = call(*arguments)
    pipe.send((result, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024))


def efficiency(workers: int, seconds: float) -> str:
    """A row: how much of their time workers wait in methods, of what they could."""
    from vfsrbench.fleet.engine import WorkersEngine
    from vfsrbench.fleet.plan.costs import Costs
    from vfsrbench.fleet.plan.files import plans_of
    from vfsrbench.runs.run import run_board

    every = sum(WAITS) + len(WAITS) * SCORING
    lengths: list[int] = []
    while every * sum(lengths) < workers * seconds:
        lengths.append(1 + 7 * len(lengths) % 8)  # 1 to 8 frames
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        board = make_board(root, lengths, len(WAITS), ["bi-x4"])
        known = {f"wait{n}": wait / SIDE**2 for n, wait in enumerate(WAITS)} | {"psnr": SCORING / SIDE**2}
        Costs.of = classmethod(lambda cls, setup, workspace: cls(setup, known))  # type: ignore[method-assign, assignment]
        engine = WorkersEngine(workers=workers, wait=False)
        run_board(board, root / "w", engine=engine)
        (plan,) = plans_of(root / "w")
        processes = [_CONTEXT.Process(target=_work, args=(str(root / "w"),)) for _ in range(workers)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        leases = [plan.leases.look(unit.id, 1) for unit in plan.units]
        began = min(lease.since for lease in leases if lease is not None)
        ended = max((plan.folder / "done" / f"{unit.id}.json").stat().st_mtime for unit in plan.units)
    costs = sorted(unit.cost for unit in plan.units)
    ideal, wall = sum(costs) / workers, ended - began
    lengths_told = f"{costs[0]:.2f} s to {costs[-1]:.1f} s"
    jobs = len(lengths) * len(WAITS)
    return (
        f"| {workers} | {jobs} | {len(costs)} | {lengths_told} | {ideal:.1f} s | {wall:.1f} s | "
        f"{ideal / wall:.2f} |"
    )


class _NoNetworks:
    """In the place of what a worker holds from task to task."""

    def __init__(self, *_: object) -> None: ...

    def release(self, keep: str) -> bool:
        return False


def _work(workspace: str) -> None:
    """A worker that sleeps."""
    from vfsrbench.fleet import working
    from vfsrbench.runs.worker.outcome import Ended, Report

    def work_of(_: object) -> Callable[[Any, Any], Report]:
        def work(task: Any, send_event: Callable[[Any], None]) -> Report:
            waits = {job.restore_key: WAITS[int(job.method.removeprefix("wait"))] for job in task.jobs}
            restoring = sum(waits.values()) if task.step != "score" else 0.0
            scoring = len(waits) * SCORING / task.share.count if task.step != "restore" else 0.0
            time.sleep(task.clip.frames * (restoring + scoring))
            return Report(tuple(Ended(job, "ok") for job in task.jobs))

        return work

    working.Worker, working.work_of = _NoNetworks, work_of  # type: ignore[assignment, misc]
    working.work_off(workspace, "cpu")


def plans(jobs: int) -> str:
    """A row: what planning and status take for so many jobs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        methods, splits = 10, ["bi-x4", "bi-x8", "bi-x16", "vfhq-mild", "vfhq-heavy"]
        make_board(root, [2] * (jobs // (methods * len(splits))), methods, splits)
        (planning, memory) = in_process(_time_planning, str(root), jobs, methods, splits)
        (status, more) = in_process(_time_status, str(root))
        files = sum(len(names) for _, _, names in os.walk(root / "w" / "plans"))
        size = sum(p.stat().st_size for p in (root / "w" / "plans").rglob("*") if p.is_file())
        row = " | ".join(f"{seconds:.1f} s" for seconds in (*planning, *status))
        shutil.rmtree(root / "w")
    mib = f"{memory >> 20} MiB | {more >> 20} MiB"
    return f"| {jobs} | {row} | {mib} | {files} | {size / 2**20:.0f} MiB |"


def _time_planning(root: str, jobs: int, methods: int, splits: list[str]) -> tuple[float, float]:
    from vfsrbench.board import Board
    from vfsrbench.fleet.engine import WorkersEngine
    from vfsrbench.results.workspace import Workspace
    from vfsrbench.runs.plan import make_plan
    from vfsrbench.runs.worker.entry import StartWorker

    place = Path(root)
    facts = {"name": "scale", "title": "Scale", "version": 1, "splits": splits, "metrics": ["psnr"]}
    folders = [str(place / "methods" / f"wait{number}") for number in range(methods)]
    data = {"layout": "folder", "path": str(place / "data")}
    board = Board.model_validate({**facts, "methods": folders, "dataset": data})
    workspace = Workspace.open(place / "w")
    began = time.process_time()
    plan = make_plan(board, workspace)
    assert len(plan.jobs) == jobs, (len(plan.jobs), jobs)
    planned = time.process_time()
    engine = WorkersEngine(workers=64, wait=False)
    start = StartWorker(plan.setup, place / "log")
    list(engine.run(start, plan.tasks(), lambda task, event: None, lambda *lost: None))
    return planned - began, time.process_time() - planned


def _time_status(root: str) -> tuple[float, float]:
    """Of a plan of which nothing is done, and of one of which all is."""
    from vfsrbench.fleet.plan.files import UnitDone, plans_of
    from vfsrbench.fleet.plan.leases import Owner
    from vfsrbench.fleet.status import status_of
    from vfsrbench.runs.worker.outcome import Ended

    place = Path(root) / "w"
    began = time.process_time()
    status_of(place)
    fresh = time.process_time() - began
    (plan,) = plans_of(place)
    owner = Owner(plan.run, "host", 1)
    for unit in plan.units:
        task = plan.task(unit.id)
        held = plan.leases.take(unit.id, 1, owner)
        assert held is not None
        held.close()
        ends = tuple(Ended(job, "ok") for job in task.jobs)
        plan.finish(UnitDone(unit.id, ends, 1.0, str(owner)), task.jobs)
    began = time.process_time()
    (status,) = status_of(place)
    assert status.done == status.units
    return fresh, time.process_time() - began


def overlap(windows: int = 20, step: float = 0.1) -> str:
    """Rows: a method that waits as long as reading and writing take, with and without threads for these."""
    import torch

    from vfsrbench.io.clip import Clip
    from vfsrbench.method_spec import choose_method
    from vfsrbench.predictor import ClipInfo, Predictor
    from vfsrbench.restoration.pipeline.both import overlapped
    from vfsrbench.restoration.pipeline.pictures import PngSink
    from vfsrbench.restoration.restore import restore_clip

    class Waiting(Predictor):
        def restore(self, frames: Any, generator: Any) -> Any:
            time.sleep(self.seconds)  # type: ignore[attr-defined]
            return frames

    rng = np.random.default_rng(0)
    side, device = 384, torch.device("cpu")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "in").mkdir()
        for number in range(4 * windows):
            picture = cv2.GaussianBlur(rng.integers(0, 256, (side, side, 3), np.uint8), (5, 5), 1)
            cv2.imwrite(str(root / "in" / f"{number:04d}.png"), picture)
        clip = Clip.open(root / "in")
        card = choose_method("bicubic").card.model_copy(update={"window": 4, "kind": "video"})
        method = Waiting(card, {})
        method.load(None, device)
        info = ClipInfo("in", len(clip), 25.0, side, side, side, side)

        def run(name: str, threads: bool, seconds: float) -> float:
            method.seconds = seconds  # type: ignore[attr-defined]
            (root / name).mkdir()
            sink = PngSink(root / name, clip.frame_names)
            began = time.perf_counter()
            if threads:
                with overlapped(clip, sink, card, info, device) as (reading, writing):
                    restore_clip(method, reading, info, writing, seed=0, device=device)
            else:
                restore_clip(method, clip, info, sink, seed=0, device=device)
            return time.perf_counter() - began

        files = run("files", False, 0.0)
        both = files / windows
        after, beside = run("after", False, both), run("beside", True, both)
    return (
        f"reading and writing {files:.1f} s; a method that waits as long: one after the other {after:.1f} s, "
        f"at once {beside:.1f} s ({1 - beside / after:.0%} less)"
    )


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["efficiency", "plans", "overlap"])
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--seconds", type=float, default=40.0, help="of waiting, for each worker")
    given = parser.parse_args()
    if given.what == "overlap":
        print(overlap())
    elif given.what == "efficiency":
        _head("workers", "jobs", "units", "their lengths", "ideal", "measured", "efficiency")
        for workers in given.sizes or (1, 4, 16, 64):
            print(efficiency(workers, given.seconds), flush=True)
    else:
        _head("jobs", "clips, keys", "plan written", "status, fresh", "status, done", *PLAN_SIZES)
        for jobs in given.sizes or (10_000, 100_000):
            print(plans(jobs), flush=True)


def _head(*names: str) -> None:
    print(f"| {' | '.join(names)} |\n|{'--:|' * len(names)}")


if __name__ == "__main__":
    main()
