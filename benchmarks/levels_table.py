"""The newer metrics over five levels of quality: ground truth, H.264, and three degraded splits, enlarged.

    python benchmarks/levels_table.py                  all of NEWER, into docs/metrics.md
    python benchmarks/levels_table.py dists musiq_ava  these rows; the page's others stay
    python benchmarks/levels_table.py --print dists    to the terminal

Two frames of each of two demo clips, shrunk to 256x256. Weights are random unless trained ones are here: with
random ones a row shows that the metric runs and tells pictures apart, and nothing of their quality.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "parity")]

import vfsrbench as vb  # noqa: E402
from degradations.imaging.codec import Encoding, round_trip  # noqa: E402
from tests.vfsrbench.metrics import random_weights  # noqa: E402
from vfsrbench import plugins  # noqa: E402
from vfsrbench.card import MetricCard  # noqa: E402
from vfsrbench.datasets.dataset import open_dataset  # noqa: E402
from vfsrbench.io.clip import Clip  # noqa: E402
from vfsrbench.metric import Frames, Metric, TruthInfo, Window  # noqa: E402
from vfsrbench.weights.resolve import resolve_weights  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
BEGIN, END = "<!-- begin: levels, by benchmarks/levels_table.py -->", "<!-- end: levels -->"
NEWER = ("dists", "musiq", "clipiqa", "ids_adaface", "vidd", "legacy_vidd", "ewarp_evalcrafter")
NEWER += ("dover", "liqe", "maniqa")
"""How the ids of the metrics begin. Those that look at the input alone are left out: all levels are input."""
CLIPS, FRAMES, SIDE = ("demo-calm", "hopper-talking"), 2, 256
SPLITS = {"mild": "vfhq-mild", "medium": "vfhq-medium", "heavy": "vfhq-heavy"}
LEVELS = ("ground truth", "H.264, CRF 28", *SPLITS)
HEADS = ("metric", "better", "weights", *LEVELS)


@dataclass(frozen=True)
class Levels:
    """A clip's frames at every level, in the order of `LEVELS`, and its facts."""

    pictures: tuple[Frames, ...]
    info: TruthInfo


def cards() -> dict[str, MetricCard]:
    """The newer metrics that are installed."""
    found = {entry.card.id: entry.card for entry in plugins.metrics()}
    return {
        name: card
        for name, card in found.items()
        if name.startswith(NEWER) and card.derived is None and card.level != "split"
    }


@cache
def clips() -> tuple[Levels, ...]:
    """Made once for all metrics."""
    made = []
    for clip in open_dataset("demo", None, list(CLIPS), FRAMES).clips():
        whole = clip.gt_or_upscaled.read(0, FRAMES)
        gt = np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in whole])
        parts = SIDE / np.array(whole.shape[2:0:-1])
        source = Clip.from_array(gt, clip.name)
        encoding = Encoding(
            encoder="libx264", fps=Fraction(25), crf=28, preset="medium", x264_params="mbtree=0"
        )
        coded = np.stack(list(round_trip(iter(gt), encoding)))
        enlarged = [
            vb.restore(vb.degrade(source, split), "bicubic", device="cpu").read(0, FRAMES)
            for split in SPLITS.values()
        ]
        points = None if clip.landmarks is None else (clip.landmarks[:FRAMES] + 0.5) * parts - 0.5
        made.append(Levels((gt, coded, *enlarged), TruthInfo(clip.name, "", FRAMES, landmarks=points)))
    return tuple(made)


def loaded(card: MetricCard) -> tuple[Metric, str]:
    """The metric, with trained weights if all of them are here, and which ones it has."""
    weights = resolve_weights(card.weights)
    if weights.missing or weights.untrained:
        return random_weights.metric(card.id), "random"
    built = plugins.build_metric(plugins.choose_metric(card.id))
    built.load(weights.paths, torch.device("cpu"))
    return built, "trained"


def values(metric: Metric) -> NDArray[np.float64]:
    """A mean over the clips for each level."""
    found = []
    for clip in clips():
        gt = Window(clip.pictures[0], 0, 0, clip.info)
        state = metric.prepare(gt)
        windows = (Window(frames, 0, 0, clip.info) for frames in clip.pictures)
        found.append([metric.finish(metric.score(window, gt, state)) for window in windows])
    return np.asarray(np.mean(found, axis=0))


def row(card: MetricCard) -> str:
    """Score one metric."""
    metric, weights = loaded(card)
    found = values(metric)
    shown = [f"{value:.{card.digits}f}" for value in found]
    if len(set(shown)) == 1:  # a share of random weights may lie at the end of its range
        shown = [f"{value:.3g}" for value in found]
    name = f"`{card.id}`" + (f" ({card.unit})" if card.unit else "")
    return f"| {' | '.join([name, card.direction, weights, *shown])} |"


def table(page: str, new: dict[str, str]) -> str:
    """The page's table with these rows; metrics that were never scored have none."""
    body = page.partition(BEGIN)[2].partition(END)[0]
    known = {line.split("`")[1]: line for line in body.splitlines() if line.startswith("| `")} | new
    head = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    return "\n".join([*head, *(known[name] for name in cards() if name in known)])


def rewritten(page: str, new: dict[str, str]) -> str:
    """The page with these rows in its table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(page, new)}\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("metrics", nargs="*", metavar="METRIC", help=f"of: {', '.join(cards())}")
    parser.add_argument("--print", action="store_true", help="to the terminal, not into docs/metrics.md")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.metrics if name not in cards()]
    if unknown:
        parser.error(f"no such metric among the newer ones: {', '.join(unknown)}")
    torch.set_num_threads(1)
    rows = {}
    for name in chosen.metrics or cards():
        rows[name] = row(cards()[name])
        print(rows[name], flush=True)
    if chosen.print:
        return
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
