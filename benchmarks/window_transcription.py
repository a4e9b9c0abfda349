"""DicFace and PGTFormer against plain transcriptions of their official loops.

    python benchmarks/window_transcription.py --networks dicface pgtformer --frames 6 --side 256
    python benchmarks/window_transcription.py --count              multiply-accumulates, nothing is run

A transcription gives every frame's window to the network by itself, as the published tools do, and keeps one
of its frames: three frames for PGTFormer, for DicFace five, ten or twenty (`--max_length`), which its network
cuts into fives. The network runs as the published code is written: every attention as a softmax over a stored
matrix of scores, swish in two steps. Weights are random; the time does not depend on them. Long clips' cost a
frame is that of a clip of `--frames` or less: ours shares work between windows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from baselines.dicface.adapter import kept_frame
from baselines.dicface.network import DicFace
from baselines.layers.generative import vqgan
from baselines.pgtformer import autoencoder
from baselines.pgtformer.network import PGTFormer
from benchmarks.bfvr_transcription import attention, swish

SIDE = 512


@dataclass(frozen=True)
class Loop:
    """How an official tool goes through a clip: windows of `length` frames, of which it keeps the result at
    length // 2. ours: our way to the same frames."""

    build: Callable[..., Any]
    length: int
    ours: Callable[[Any, Tensor], Tensor]

    def official(self, net: Any, clip: Tensor) -> Tensor:
        """(t, 3, side, side) -> the same shape, window by window; edge frames are repeated."""
        found = []
        for index in range(len(clip)):
            first = index - self.length // 2
            window = [min(max(i, 0), len(clip) - 1) for i in range(first, first + self.length)]
            found.append(net(clip[window])[0][self.length // 2])
        return torch.stack(found)


def dicface(length: int) -> Loop:
    return Loop(DicFace, length, lambda net, clip: net.restore(clip, kept_frame(length)))


LOOPS = {
    "pgtformer": Loop(PGTFormer, 3, lambda net, clip: net.restore(clip)),
    "dicface, max_length 5": dicface(5),
    "dicface, max_length 10": dicface(10),
    "dicface, max_length 20": dicface(20),
}


@contextmanager
def transcribed() -> Iterator[None]:
    """The network runs as the published code is written."""
    with (
        patch.object(F, "scaled_dot_product_attention", attention),
        patch.object(vqgan, "swish", swish),
        patch.object(autoencoder, "swish", swish),
    ):
        yield


def multiply_accumulates(work: Callable[[Tensor], object], frames: int) -> float:
    with FlopCounterMode(display=False) as counter:
        work(torch.empty(frames, 3, SIDE, SIDE))
    return float(counter.get_total_flops()) / 2e9


def count(loop: Loop) -> tuple[float, float]:
    """1e9 multiply-accumulates for a frame inside a long clip: ours, and the official loop's."""
    with FakeTensorMode(), torch.no_grad():
        net = loop.build().eval()
        ours = [multiply_accumulates(lambda x: loop.ours(net, x), frames) for frames in (5, 9)]
        official = multiply_accumulates(net, loop.length)
    return (ours[1] - ours[0]) / 4, official


@dataclass(frozen=True)
class Seconds:
    """CPU seconds of a clip, and how far the results lie apart, relative to their standard deviation."""

    ours: float
    official: float
    difference: float


def compare(loop: Loop, frames: int, side: int, repeat: int) -> Seconds:
    """Both in turns, in this process; the fastest of `repeat` runs counts."""
    torch.manual_seed(0)
    net = loop.build(side=side).eval().requires_grad_(False)
    clip = torch.rand(frames, 3, side // 16, side // 16).repeat_interleave(16, 2).repeat_interleave(16, 3)
    best: dict[str, float] = {}
    out: dict[str, Tensor] = {}

    def timed(name: str, work: Callable[[Any, Tensor], Tensor]) -> None:
        started = time.process_time()
        out[name] = work(net, clip)
        best[name] = min(best.get(name, float("inf")), time.process_time() - started)

    for _ in range(repeat):
        timed("ours", loop.ours)
        with transcribed():
            timed("official", loop.official)
    difference = float((out["ours"] - out["official"]).abs().max() / out["official"].std())
    return Seconds(best["ours"], best["official"], difference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=("dicface", "pgtformer"), help="default: both")
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--side", type=int, default=256, help="of the frames in pixels; published: 512")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--count", action="store_true", help="count for 512x512 frames; nothing is run")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    chosen = {k: v for k, v in LOOPS.items() if not given.networks or k.split(",")[0] in given.networks}
    if given.count:
        print("| loop | ours, GMAC a frame | official, GMAC a frame | ratio |\n|---|---|---|---|")
        for name, loop in chosen.items():
            ours, official = count(loop)
            print(f"| {name} | {ours:.1f} | {official:.1f} | {official / ours:.2f} |", flush=True)
        return
    print("| loop | ours, CPU s a frame | transcription | ratio | difference |\n|---|---|---|---|---|")
    for name, loop in chosen.items():
        taken = compare(loop, given.frames, given.side, given.repeat)
        each = f"{taken.ours / given.frames:.2f} | {taken.official / given.frames:.2f}"
        ratio = taken.official / taken.ours
        print(f"| {name} | {each} | {ratio:.2f} | {taken.difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()
