"""The demo's work: seconds of the clock and of processors, and how much of the cores it used.

    python benchmarks/demo_time.py                     the board `demo`, without its report
    python benchmarks/demo_time.py --before-identity   one person, methods and metrics without networks
    python benchmarks/demo_time.py --frames 3          in small, to see that it works

Runs `vfsrbench run` in a new workspace, with a worker of one thread a core. What other programs do shows in
both times: the machine must be idle. Use is processor seconds over what the cores had to give, from the
command's start to its end, its imports and those of the workers included.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEFORE_IDENTITY = """\
name = "demo-before-identity"
title = "The demo without networks"
version = 1
splits = ["vfhq-mild", "vfhq-medium", "vfhq-heavy"]
methods = ["bicubic", "bicubic-matlab", "lanczos", "nearest", "temporal-average", "unsharp",
  "richardson-lucy", "oracle", "recompressed"]
metrics = ["psnr", "ssim", "ssim_vt", "psnr_clip", "ewarp_dis", "ewarp_gt"]
[dataset]
layout = "demo"
clips = ["demo-calm", "demo-talking", "demo-fast"]
frames = 24
"""
"""The board `demo` of 0.1: what the goal of 65 s and 90 % of two cores is stated for."""


@dataclass(frozen=True)
class Spent:
    """Seconds of a command."""

    wall: float
    processors: float
    workers: int

    @property
    def use(self) -> float:
        """The part of the cores' time that was used."""
        return self.processors / (self.wall * self.workers)

    def row(self, name: str) -> str:
        return (
            f"| {name} | {self.workers} | {self.wall:.1f} | {self.processors:.1f} | {100 * self.use:.1f} % |"
        )


def timed(words: Sequence[str], workers: int) -> Spent:
    """Run a command to its end; the processes that it starts and waits for count."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = sum(getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime"))
    return Spent(wall, spent, workers)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--before-identity", action="store_true", help="as the demo was before its networks")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--frames", type=int, default=0, help="of each clip (default: the board's)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        board = Path(folder) / "board.toml"
        board.write_text(BEFORE_IDENTITY)
        name = str(board) if given.before_identity else "demo"
        words = [
            sys.executable,
            "-m",
            "vfsrbench",
            "run",
            name,
            "-w",
            f"{folder}/w",
            "--no-report",
            "--quiet",
        ]
        words += ["--workers", str(given.workers)]
        words += ["--frames", str(given.frames)] if given.frames else []
        spent = timed(words, given.workers)
    print("| board | workers | seconds | processor seconds | use of the cores |\n|---|---|---|---|---|")
    print(spent.row("demo, before identity" if given.before_identity else "demo"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
