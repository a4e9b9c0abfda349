"""What methods cost: seconds a frame and peak memory, by clip length, batch and profile.

    python benchmarks/method_speed.py --methods keep codeformer gfpgan --lengths 10,50,100
    python benchmarks/method_speed.py --methods 'flair[K=25,degradation=x8]' --device cuda --write

Clips go the harness's own way (windows, upload, rounding to uint8). Weights are random and the same each
time: time and memory do not depend on them (but for RealBasicVSR, which cleans one to three times as its
input asks), the PSNR of `fast` to `strict` does: `--trained` takes the installed checkpoints instead.
Networks with a memory reach their cost a frame only when it is full: SECNet after six frames.
Every method and profile runs in a process of its own; peak memory is what the method added to it.

Inputs have a quarter of `--size`. Networks over aligned faces work at their own 512x512 whatever it says.
How the same networks compare with plain transcriptions of the official loops is measured by
keep_transcription.py, codebook_transcription.py and restorer_transcription.py in this folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from benchmarks.random_weights import write_method_weights
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import InMemory, Restoration, restore_clip
from vfsrbench.runtime.precision import Profile
from vfsrbench.weights.resolve import resolve_weights

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
PAGE = Path(__file__).resolve().parent / "results" / "method_speed.md"
SCALE = 4
INTRODUCTION = """# Speed of methods

Made by benchmarks/method_speed.py, one section a command. Weights are random unless the command says
`--trained`: the PSNR of `fast` to `strict` is then no trained network's. Peak memory is what the method
added, on a CPU to its process, on a GPU to the allocator. "CPU s a frame" sums all threads; on a CPU it is
what the column "to the shortest clip's" compares, as other work on the machine disturbs it little.

Part of the growth with length is the methods' own: a one-frame clip of KEEP has neither flow nor attention to
a frame before, SECNet and EDVR are at their full cost a frame only when the frames around it are there."""
HEADER = (
    "| method | profile | batch or window | frames | s a frame | frames/s | CPU s a frame "
    "| to the shortest clip's | peak memory, MiB | PSNR to strict, dB |\n" + "|---" * 10 + "|"
)


@dataclass(frozen=True)
class Task:
    """One method in one profile. `size`: side of the result in pixels."""

    spec: str
    profile: Profile
    lengths: tuple[int, ...]
    batches: tuple[int, ...]
    size: int
    device: str
    repeat: int


@dataclass(frozen=True)
class Row:
    """One clip length. `calls`: frames the method got at a time; `seconds` (wall) and `cpu` (of all threads)
    are a frame's; `ratio`: its cost over that in the shortest clip at batch 1; `psnr`: to strict, over that
    clip's frames (None in strict's own rows)."""

    spec: str
    profile: Profile
    calls: int
    best: bool
    frames: int
    seconds: float
    cpu: float
    memory: int
    ratio: float
    psnr: float | None = None

    def __str__(self) -> str:
        calls = f"{self.calls} (best)" if self.best else str(self.calls)
        psnr = "" if self.psnr is None else "same" if np.isinf(self.psnr) else f"{self.psnr:.1f}"
        return (
            f"| `{self.spec}` | {self.profile} | {calls} | {self.frames} | {self.seconds:.4g} "
            f"| {1 / self.seconds:.3g} | {self.cpu:.4g} | {self.ratio:.2f} "
            f"| {self.memory / 2**20:.0f} | {psnr} |"
        )


def drifting(frames: int, side: int) -> Clip:
    """Smooth random colours that move a pixel a frame; longer clips begin with shorter ones' frames."""
    import cv2

    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return Clip.from_array(np.stack([np.roll(picture, t, axis=1) for t in range(frames)]), "drifting")


def measure(task: Task) -> tuple[list[Row], Frames]:
    """The method's rows, and the shortest clip restored. JobFailure when it cannot be loaded or run."""
    import torch

    device = torch.device(task.device)
    method = choose_method(task.spec)
    weights = resolve_weights(method.card.weights_for(dict(method.options)))
    predictor = PredictorCache(device, task.profile).get(MethodUse(method, weights))
    run = Run(task, predictor, device)
    lengths = sorted(task.lengths)
    run.set_batch(1)
    run.once(lengths[0] if device.type == "cuda" else 1)  # warms up
    found, shortest = [], np.empty(0, np.uint8)
    for frames in lengths:
        best = run.best_of(frames)
        shortest = best.restored if frames == lengths[0] else shortest
        found.append(run.row(best, frames))
    if method.card.kind == "image":
        found = with_best_batch(run, found)
    return [replace(row, ratio=run.cost(row) / run.cost(found[0])) for row in found], shortest


def with_best_batch(run: Run, found: list[Row]) -> list[Row]:
    """The rows of batch 1, and on the longest clip the batch that is fastest (a row more unless it is 1)."""
    single = found[-1]
    tried = [single]
    for batch in sorted(b for b in run.task.batches if 1 < b <= single.frames):
        run.set_batch(batch)
        best = run.best_of(single.frames)
        if best.report.halved:  # memory ran out: it does in larger batches too
            break
        tried.append(run.row(best, single.frames))
    fastest = replace(min(tried, key=run.cost), best=True)
    return [*found[:-1], fastest] if fastest.calls == 1 else [*found, fastest]


@dataclass(frozen=True)
class Once:
    """A clip restored. `cpu`: seconds of all threads."""

    report: Restoration
    cpu: float
    restored: Frames


@dataclass
class Run:
    """A loaded method on clips of some length."""

    task: Task
    predictor: Predictor
    device: torch.device

    def set_batch(self, batch: int) -> None:
        if self.predictor.card.kind == "image":
            self.predictor.card = self.predictor.card.model_copy(update={"batch": batch})

    def cost(self, row: Row) -> float:
        """What is compared: on a CPU its own seconds, which other work on the machine disturbs little."""
        return row.cpu if self.device.type == "cpu" else row.seconds

    def once(self, frames: int) -> Once:
        side, out = max(1, self.task.size // SCALE), self.task.size
        clip, sink = drifting(frames, side), InMemory()
        info = ClipInfo(clip.name, frames, clip.fps, side, side, out, out)
        start = time.process_time()
        report = restore_clip(self.predictor, clip, info, sink, seed=0, device=self.device)
        return Once(report, time.process_time() - start, np.concatenate(sink.parts))

    def best_of(self, frames: int) -> Once:
        """The fastest of `repeat` runs."""
        runs = [self.once(frames) for _ in range(self.task.repeat)]
        return min(runs, key=lambda once: self.cost(self.row(once, frames)))

    def row(self, once: Once, frames: int) -> Row:
        task, report = self.task, once.report
        each = report.seconds / frames, once.cpu / frames
        return Row(task.spec, task.profile, report.window, False, frames, *each, report.peak_memory, 1.0)


def psnr(a: Frames, b: Frames) -> float:
    """Of whole clips, in dB; infinite when they are the same."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def in_own_process(task: Task) -> tuple[list[Row], Frames]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, task).result()


def rows_of(task: Task, profiles: Sequence[Profile], alone: bool) -> list[Row]:
    """The method in every profile; `fast` is compared with `strict`, if that was run before it."""
    found: list[Row] = []
    strict: Frames | None = None
    for profile in profiles:
        rows, restored = (in_own_process if alone else measure)(replace(task, profile=profile))
        if profile == "strict":
            strict = restored
        elif strict is not None:
            rows = [replace(row, psnr=psnr(restored, strict)) for row in rows]
        found += rows
    return found


def machine(device: str) -> str:
    """What the figures were measured on."""
    import torch

    if device.startswith("cuda"):
        name = torch.cuda.get_device_name(device)
    else:
        text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
        models = [
            line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")
        ]
        name = f"{models[0] if models else platform.processor()}, {torch.get_num_threads()} threads"
    return f"{name}, PyTorch {torch.__version__}"


def write_section(page: Path, heading: str, body: str) -> None:
    """Put the section into the page, in place of one with the same heading and command."""
    sections = page.read_text(encoding="utf-8").split("\n## ") if page.exists() else [INTRODUCTION]
    command = body.partition("\n\n")[0]
    others = [s for s in sections[1:] if not s.startswith(f"{heading}\n\n{command}\n")]
    page.parent.mkdir(parents=True, exist_ok=True)
    pages = [sections[0], *others, f"{heading}\n\n{body}"]
    page.write_text("\n\n## ".join(s.strip("\n") for s in pages) + "\n", encoding="utf-8")


def numbers(text: str) -> tuple[int, ...]:
    """`10,50,100` as numbers from 1 on."""
    found = tuple(int(part) for part in text.split(","))
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"{text}: counts start at 1")
    return found


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", nargs="+", required=True, help="name or name[option=value,...]")
    parser.add_argument(
        "--lengths", type=numbers, default=(10, 50, 100), help="frames of the clips: 10,50,100"
    )
    parser.add_argument("--batches", type=numbers, default=(1, 2, 4, 8, 16), help="tried for image methods")
    parser.add_argument("--profiles", nargs="+", choices=get_args(Profile), default=get_args(Profile))
    parser.add_argument("--size", type=int, default=512, help="side of the result in pixels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=1, help="runs, of which the fastest counts")
    parser.add_argument("--trained", action="store_true", help="installed checkpoints, not random weights")
    parser.add_argument("--in-process", action="store_true", help="one after the other, for tests")
    parser.add_argument("--write", nargs="?", type=Path, const=PAGE, help="also into this page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> None:
    given = parse(arguments)
    written = [a for a in arguments if a != "--write" and a != str(given.write)]
    before = os.environ.get("VFSRBENCH_WEIGHTS")
    print(HEADER, flush=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        if not given.trained:
            os.environ["VFSRBENCH_WEIGHTS"] = folder
        try:
            for spec in given.methods:
                task = Task(
                    spec, "strict", given.lengths, given.batches, given.size, given.device, given.repeat
                )
                try:
                    if not given.trained:
                        write_method_weights(choose_method(spec), Path(folder))
                    found = rows_of(task, given.profiles, not given.in_process)
                except (InputError, JobFailure) as error:
                    print(f"{spec}: {error}", file=sys.stderr, flush=True)
                    continue
                rows += found
                print("\n".join(map(str, found)), flush=True)
        finally:
            if before is None:
                os.environ.pop("VFSRBENCH_WEIGHTS", None)
            else:
                os.environ["VFSRBENCH_WEIGHTS"] = before
    if given.write and rows:
        command = f"`python benchmarks/method_speed.py {shlex.join(written)}`"
        write_section(given.write, machine(given.device), "\n".join([command, "", HEADER, *map(str, rows)]))
    if not rows:
        raise SystemExit("no method could be measured")


if __name__ == "__main__":
    main(sys.argv[1:])
