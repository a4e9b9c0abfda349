"""What each metric without weights costs: milliseconds a frame, on one core, for 512x512 frames.

python benchmarks/metric_cost.py          measure, rewrite the table in docs/metrics.md
python benchmarks/metric_cost.py --print  the same, to the terminal
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.vfsrbench.metrics import clips  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.metric import TruthInfo, Window  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- begin: cost -->", "<!-- end: cost -->"
SIZE, FRAMES, LEAD, REPEATS = 512, 8, 10, 5


def exact_flow(a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The motion of `clips.moving`, known everywhere."""
    step = np.array(clips.STEP, np.float32)[:, None, None] * (b - a)
    return np.broadcast_to(step, (2, SIZE, SIZE)).copy(), np.ones((SIZE, SIZE), bool)


def milliseconds(work: Callable[[], Any]) -> float:
    """The fastest of some runs, a frame."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best / FRAMES


def table() -> str:
    frames = clips.moving(FRAMES + LEAD, SIZE)
    spoilt = clips.noisy(frames, 0.2)
    info = TruthInfo("cost", "", len(frames), exact_flow=exact_flow)
    lines = ["| id | ground truth, once (ms a frame) | each method (ms a frame) |", "|---|---|---|"]
    for entry in plugins.metrics():
        if entry.card.weights or entry.card.derived or entry.card.level == "split":
            continue
        metric = plugins.build_metric(entry)
        metric.load({}, torch.device("cpu"))
        # a new window each time: what a window remembers is part of the cost
        fresh = lambda: Window(frames, 0, LEAD, info)  # noqa: E731
        truth = fresh()
        once = milliseconds(lambda metric=metric, fresh=fresh: metric.prepare(fresh()))
        state = metric.prepare(truth)
        each = milliseconds(
            lambda metric=metric, truth=truth, state=state: metric.score(
                Window(spoilt, 0, LEAD, info), truth, state
            )
        )
        lines.append(f"| `{entry.card.id}` | {once:.1f} | {each:.1f} |")
    where = f"One thread, windows of {FRAMES} frames, OpenCV {cv2.__version__}, {platform.machine()}."
    return "\n".join([where, "", *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--print", action="store_true", help="to the terminal, not into docs/metrics.md")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    body = table()
    if arguments.print:
        print(body)
        return
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{body}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
