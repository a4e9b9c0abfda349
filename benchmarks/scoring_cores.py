"""What a second core brings to scoring: threads beside the networks, and a second worker for a single clip.

    python benchmarks/scoring_cores.py                  both, on a machine with two cores or more
    python benchmarks/scoring_cores.py threads --frames 12 --rounds 3
    python benchmarks/scoring_cores.py workers

`threads`: one process scores three restored versions of a demo clip (512x512) in the demo board's metrics, in
turns on one core (each metric after the other, as before there were threads) and on two; torch and OpenCV
have one thread in both. Scores are compared to the last bit. `workers`: `vfsrbench score` of one clip of that
size by one worker and by two, each in a new workspace, LPIPS and identity with random weights; both times are
of the whole command. Seconds are the clock's, so run it on a machine that does nothing else.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from degradations.imaging.codec import Encoding, round_trip  # noqa: E402
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks  # noqa: E402
from vfsrbench.io.clip import Clip  # noqa: E402
from vfsrbench.metric import TruthInfo  # noqa: E402
from vfsrbench.plugins import find_board, metrics  # noqa: E402
from vfsrbench.scoring.scorer import Scorer  # noqa: E402
from vfsrbench.scoring.scores import Scores  # noqa: E402
from vfsrbench.weights.manifest import load_manifest  # noqa: E402
from vfsrbench.weights.random_init import write_untrained  # noqa: E402

CLIP = "demo-talking"
RATES = (23, 29, 35)
NETWORKS = ("psnr", "ssim", "lpips_alex", "ids_iresnet50")
"""What `workers` computes."""
WEIGHTS = {"alexnet": "features.", "iresnet50": ""}
"""What that needs, and the part of each file that is used."""


def wall(work: Callable[[], object]) -> float:
    """Seconds of the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def versions(frames: int) -> tuple[Clip, list[Clip]]:
    """A clip, and what H.264 makes of it at `RATES`."""
    truth = demo_clip(CLIP, frames).read(0, frames)
    coded = [
        round_trip(iter(truth), Encoding(encoder="libx264", fps=Fraction(25), crf=rate)) for rate in RATES
    ]
    return Clip.from_array(truth, CLIP), [Clip.from_array(np.stack(list(clip)), CLIP) for clip in coded]


def threads(frames: int, rounds: int) -> None:
    """The table of one process."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    board = find_board("demo")
    scorer = Scorer(board.metrics, metrics(), torch.device("cpu"))
    for name, why in scorer.unavailable.items():
        print(f"without {name}: {why}")
    truth, restored = versions(frames)
    info = TruthInfo(CLIP, "", frames, landmarks=demo_landmarks(CLIP, frames))

    def score(cores: int) -> list[Scores]:
        scorer.cores = cores
        return scorer.score(truth, info, restored)[0]

    one, two = (list(map(repr, score(cores))) for cores in (1, 2))  # and all is loaded
    assert one == two, "scores depend on the cores"
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for cores, taken in times.items():
            taken.append(wall(lambda cores=cores: score(cores)))
    best = {cores: min(taken) for cores, taken in times.items()}
    print("| scoring, one process | one core, s | two cores, s | times as fast |\n|---|---|---|---|")
    print(
        f"| {len(RATES)} x {frames} frames, {len(scorer.metrics)} metrics | {best[1]:.2f} | {best[2]:.2f} | "
        f"{best[1] / best[2]:.2f} |"
    )


def workers(frames: int, rounds: int) -> None:
    """The table of one clip and two workers."""
    truth, restored = versions(frames)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        weights, outputs = place / "weights", place / "outputs"
        weights.mkdir()
        for name, part in WEIGHTS.items():
            write_untrained(load_manifest()[name], weights, part)
        write_png_clip(outputs / CLIP, restored[0].read(0, frames))
        write_png_clip(place / "data" / CLIP, truth.read(0, frames))
        print("| `score`, one clip | workers | seconds | processor seconds | use of two cores |")
        print("|---|---|---|---|---|")
        for count in (1, 2):
            taken = []
            for turn in range(rounds):
                command = [sys.executable, "-m", "vfsrbench", "score", "--outputs", f"mine={outputs}"]
                command += ["--dataset", str(place / "data"), "--workspace", str(place / f"{turn}-{count}")]
                command += [word for name in NETWORKS for word in ("--metric", name)]
                command += ["--workers", str(count)]
                before = processors()
                seconds = wall(lambda command=command: scored(command, weights))
                taken.append((seconds, processors() - before))
            seconds, spent = min(taken)
            what = f"{frames} frames, {', '.join(NETWORKS)}"
            print(f"| {what} | {count} | {seconds:.1f} | {spent:.1f} | {100 * spent / seconds / 2:.0f} % |")


def processors() -> float:
    """Processor seconds of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scored(command: list[str], weights: Path) -> None:
    """Run it; SystemExit with what it said if it fails."""
    surroundings = os.environ | {"VFSRBENCH_WEIGHTS": str(weights), "PYTHONPATH": str(ROOT)}
    del surroundings["OMP_NUM_THREADS"]  # workers share the cores as they do for users
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.returncode or "not here" in done.stdout:
        raise SystemExit(done.stdout + done.stderr)


def write_png_clip(folder: Path, frames: NDArray[np.uint8]) -> None:
    """A folder of numbered pictures."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:08d}.png"), frame[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("threads", "workers"), help="one table (default: both)")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    for name, table in (("threads", threads), ("workers", workers)):
        if given.what in (None, name):
            table(given.frames, given.rounds)


if __name__ == "__main__":
    main()
