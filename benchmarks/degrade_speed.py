"""How fast vfhq-mild is made, against KEEP's published steps transcribed frame by frame, in one run.

    python benchmarks/degrade_speed.py [--frames 24] [--rounds 5]

CPU time of one thread a 512x512 frame, both ways in turn, for the recipe's two kinds of kernel; the mean
weighs them by the recipe's probabilities (0.7, 0.3). Then the wall time of the same clips in one process and
in two.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import keep_transcription as published
from degradations.recipe import load_recipe

SHARES = {"isotropic": 0.7, "anisotropic": 0.3}
PUBLISHED_NAMES = {"isotropic": "iso", "anisotropic": "aniso"}
PARALLEL_CLIPS = 8


def make_clip(frames: int) -> NDArray[np.uint8]:
    """A moving textured 512x512 clip."""
    numbers = np.random.default_rng(0)
    texture = cv2.GaussianBlur(numbers.normal(0, 1, (512, 512, 3)), (0, 0), 5)
    still = np.clip(texture / texture.std() * 50 + 128, 0, 255).astype(np.uint8)
    return np.stack([np.roll(still, 3 * t, axis=1) for t in range(frames)])


def cpu_ms(work: Callable[[], object], frames: int) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) / frames * 1e3


def our_names(kind: str, count: int) -> list[str]:
    """Clip names for which the recipe draws this kind of kernel."""
    recipe = load_recipe("vfhq-mild")
    tiny = np.zeros((1, 32, 32, 3), np.uint8)
    found = []
    number = 0
    while len(found) < count:
        name = f"clip{number}"
        if recipe.apply(tiny, name).parameters["operators"][0]["kind"] == kind:
            found.append(name)
        number += 1
    return found


def degrade_ours(clip: NDArray[np.uint8], name: str) -> None:
    load_recipe("vfhq-mild").apply(clip, name)


def degrade_published(clip: NDArray[np.uint8], kind: str, seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    shares = (1.0, 0.0) if kind == "isotropic" else (0.0, 1.0)
    published.degrade(clip, published.Setting(**{**vars(published.MILD), "kernel_prob": shares}), keep=False)


def compare_cores(frames: int, rounds: int) -> float:
    """Print CPU time a frame, ours and the published way; their ratio is returned."""
    clip = make_clip(frames)
    names = {kind: our_names(kind, rounds) for kind in SHARES}
    degrade_ours(clip, "warm-up")
    degrade_published(clip, "isotropic", 0)
    ours: dict[str, list[float]] = {kind: [] for kind in SHARES}
    theirs: dict[str, list[float]] = {kind: [] for kind in SHARES}
    for turn in range(rounds):
        for kind in SHARES:
            ours[kind].append(cpu_ms(lambda k=kind, t=turn: degrade_ours(clip, names[k][t]), frames))
            theirs[kind].append(cpu_ms(lambda k=kind, t=turn: degrade_published(clip, k, t), frames))
    print(f"CPU ms a frame (median of {rounds}), OpenCV {cv2.__version__}, NumPy {np.__version__}")
    print(f"{'kernel':14}{'published':>12}{'ours':>8}{'ratio':>8}")
    mean_ours = mean_theirs = 0.0
    for kind, share in SHARES.items():
        a, b = statistics.median(theirs[kind]), statistics.median(ours[kind])
        mean_theirs += share * a
        mean_ours += share * b
        print(f"{kind:14}{a:12.1f}{b:8.1f}{a / b:8.2f}")
    ratio = mean_theirs / mean_ours
    print(f"{'mean':14}{mean_theirs:12.1f}{mean_ours:8.1f}{ratio:8.2f}")
    return ratio


class Worker:
    """What a worker process holds: the clip is made before the clock starts."""

    clip: NDArray[np.uint8]

    @classmethod
    def start(cls, frames: int, all_started: Barrier) -> None:
        if hasattr(os, "setsid"):
            # Linux shares a busy machine out by session: two processes of one get no more than one does
            os.setsid()
        cv2.setNumThreads(1)
        cls.clip = make_clip(frames)
        degrade_ours(cls.clip[:2], "warm-up")
        all_started.wait()

    @classmethod
    def degrade(cls, number: int) -> float:
        """CPU seconds for one clip."""
        start = time.process_time()
        degrade_ours(cls.clip, f"clip{number}")
        return time.process_time() - start


def measure(workers: int, frames: int) -> tuple[float, float]:
    """(wall, CPU) seconds for all clips in so many processes."""
    context = get_context("spawn")
    setting = (frames, context.Barrier(workers))
    with ProcessPoolExecutor(workers, context, initializer=Worker.start, initargs=setting) as pool:
        list(pool.map(abs, range(workers)))  # answered when every worker has started
        start = time.perf_counter()
        spent = sum(pool.map(Worker.degrade, range(PARALLEL_CLIPS)))
        return time.perf_counter() - start, spent


def compare_processes(frames: int, rounds: int) -> None:
    """Print wall and CPU time of the same clips in one process and in two."""
    one, two = zip(*((measure(1, frames), measure(2, frames)) for _ in range(min(rounds, 3))), strict=True)
    print(f"{PARALLEL_CLIPS} clips   wall s   CPU s   (best of {len(one)})")
    for name, pairs in (("one process", one), ("two", two)):
        print(f"{name:12}{min(wall for wall, _ in pairs):7.2f}{min(spent for _, spent in pairs):8.2f}")
    gain = min(wall for wall, _ in one) / min(wall for wall, _ in two)
    print(f"two processes are {gain:.2f} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    compare_cores(options.frames, options.rounds)
    compare_processes(options.frames, options.rounds)


if __name__ == "__main__":
    main()
