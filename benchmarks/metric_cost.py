"""What metrics cost: milliseconds a frame, on one core, for 512x512 frames; networks with random weights.

    python benchmarks/metric_cost.py                  all without weights, into the table of docs/metrics.md
    python benchmarks/metric_cost.py dists clipiqa    these rows; the page's others stay
    python benchmarks/metric_cost.py --print psnr     to the terminal

Derived metrics cost nothing, and dlib's have figures of their own (dlib_cost.py). DOVER's networks look at as
many frames of every clip, when it ends: rows have that beside. Its ids share it, so measure one a call. Left
out: networks in ONNX files, whose random stand-in is smaller, and what else is computed when a clip ends.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

from benchmarks.arithmetic.metrics import FACE  # noqa: E402
from tests.vfsrbench.metrics import clips  # noqa: E402
from tests.vfsrbench.metrics.random_weights import metric  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.card import MetricCard  # noqa: E402
from vfsrbench.metric import Frames, Metric, SplitMetric, TruthInfo, Window  # noqa: E402
from vfsrbench.metrics.quality.dover import Dover  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- begin: cost -->", "<!-- end: cost -->"
SIZE = 512
ONNX = {"landmarks_2d106", "w600k_r50", "glintr100"}


def exact_flow(a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The motion of `clips.moving`, known everywhere."""
    step = np.array(clips.STEP, np.float32)[:, None, None] * (b - a)
    return np.broadcast_to(step, (2, SIZE, SIZE)).copy(), np.ones((SIZE, SIZE), bool)


@dataclass(frozen=True)
class Amount:
    """Scored frames, context before them, and how often it is done: the fastest counts."""

    frames: int
    lead: int
    repeats: int


PLAIN, NETWORKS, CLIPS = Amount(8, 10, 5), Amount(2, 1, 1), Amount(16, 0, 1)


def amount(card: MetricCard) -> Amount:
    """Networks take their time; I3D looks at 16 frames together, DOVER at a clip."""
    if not card.weights:
        return PLAIN
    return CLIPS if any(use.name in ("i3d", "dover") for use in card.weights) else NETWORKS


def milliseconds(work: Callable[[], Any], much: Amount) -> float:
    """The fastest of some runs, a frame: the processor's time, which other processes do not lengthen."""
    best = float("inf")
    for _ in range(much.repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return 1e3 * best / much.frames


def row(card: MetricCard) -> str:
    """Measure one metric."""
    chosen, much = metric(card.id), amount(card)
    frames = clips.moving(much.frames + much.lead, SIZE)
    spoilt = clips.noisy(frames, 0.2)
    points = np.broadcast_to(np.array(FACE) * SIZE, (len(frames), 5, 2)).copy()
    info = TruthInfo("cost", "", len(frames), landmarks=points, exact_flow=exact_flow)

    def fresh(pictures: Frames) -> Window:  # what a window remembers is part of the cost
        return Window(pictures, 0, much.lead, info)

    def of_gt(window: Window) -> Any:
        return chosen.features(window) if isinstance(chosen, SplitMetric) else chosen.prepare(window)

    def of_restored(window: Window) -> Any:
        return (
            chosen.features(window) if isinstance(chosen, SplitMetric) else chosen.score(window, truth, state)
        )

    once = milliseconds(lambda: of_gt(fresh(frames)), much)
    truth = fresh(frames)
    state = chosen.prepare(truth)
    each = milliseconds(lambda: of_restored(fresh(spoilt)), much)
    cells = [f"`{card.id}`", _shown(once), _shown(each) + _at_the_end(chosen, of_restored, fresh(spoilt))]
    return f"| {' | '.join(cells)} |"


def _at_the_end(chosen: Metric, scored: Callable[[Window], Any], clip: Window) -> str:
    """What DOVER adds when a clip ends."""
    if not isinstance(chosen, Dover):
        return ""
    values = scored(clip)
    return f" + {_shown(milliseconds(lambda: chosen.finish(values), Amount(1, 0, 1)))} a clip"


def _shown(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def counted_cards() -> list[MetricCard]:
    """Metrics that have a row."""
    cards = [entry.card for entry in plugins.metrics()]
    return [card for card in cards if card.derived is None and "dlib" not in card.id and not _left_out(card)]


def _left_out(card: MetricCard) -> bool:
    return card.id == "legacy_fvd_bfvr" or bool(ONNX & {use.name for use in card.weights})


def table(page: str, new: dict[str, str]) -> str:
    """The page's table with these rows; metrics that were never measured have none."""
    body = page.partition(BEGIN)[2].partition(END)[0]
    known = {line.split("`")[1]: line for line in body.splitlines() if line.startswith("| `")} | new
    lines = ["| id | ground truth, once (ms a frame) | each method (ms a frame) |", "|---|---|---|"]
    lines += [known[card.id] for card in counted_cards() if card.id in known]
    where = (
        f"One thread, OpenCV {cv2.__version__}, torch {torch.__version__}, {platform.machine()}; windows of "
        f"{PLAIN.frames} frames, of {NETWORKS.frames} for metrics with a network ({CLIPS.frames} for I3D and "
        "DOVER), whose weights are random."
    )
    return "\n".join([where, "", *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    cards = {card.id: card for card in counted_cards()}
    parser.add_argument("metrics", nargs="*", metavar="METRIC", help=f"of: {', '.join(cards)}")
    parser.add_argument("--print", action="store_true", help="to the terminal, not into docs/metrics.md")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.metrics if name not in cards]
    if unknown:
        parser.error(f"no such metric, or none that is measured here: {', '.join(unknown)}")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    names = arguments.metrics or [name for name, card in cards.items() if not card.weights]
    rows = {name: row(cards[name]) for name in names}
    if arguments.print:
        print("\n".join(rows.values()))
        return
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(page, rows)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
