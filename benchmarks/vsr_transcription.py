"""BasicVSR++ and EDVR against plain transcriptions of the official layers: equal output, and CPU seconds.

    python benchmarks/vsr_transcription.py                 one thread, 4 frames of 64x64 -> 256x256
    python benchmarks/vsr_transcription.py basicvsrpp --frames 6 --side 128 --threads 2

A transcription makes a network of ours run as the published code is written: deformable convolution by
torchvision's operator, features in the order in which they come, activations into new tensors, all pairs of
a clip through the flow network at once. Weights are random (the time does not depend on them), with offsets
of a pixel or so, as trained networks have them. Both sides take turns in one run; the least CPU time counts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from baselines.adapters.ready import arrange, ready
from baselines.basicvsrpp.network import BasicVSRPlusPlus
from baselines.edvr.network import EDVR
from baselines.layers import deform, deform_align, residual
from baselines.layers.flow import neighbour_flow, spynet

NETWORKS: dict[str, Callable[[], nn.Module]] = {"basicvsrpp": BasicVSRPlusPlus, "edvr": EDVR}
EDVR_FRAMES = 5


def deformed(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return deform_conv2d(x, offset, weight, bias, padding=1, mask=mask)


def residual_block(self: residual.ResidualBlockNoBN, x: Tensor) -> Tensor:
    return x + self.conv2(F.relu(self.conv1(x)))


def conv_relu(self: spynet.ConvReLU, x: Tensor) -> Tensor:
    return F.relu(self.conv(x)) if self.relu else self.conv(x)


def at_once(function: nn.Module, *batches: Tensor) -> Tensor:
    return function(*batches)


@contextmanager
def transcribed() -> Iterator[None]:
    """The networks run as the published code is written."""
    with (
        patch.object(deform, "deform_conv", deformed),
        patch.object(deform_align, "deform_conv", deformed),
        patch.object(residual.ResidualBlockNoBN, "forward", residual_block),
        patch.object(spynet.ConvReLU, "forward", conv_relu),
        patch.object(neighbour_flow, "in_chunks", at_once),
    ):
        yield


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    net = NETWORKS[name]().eval().requires_grad_(False)
    for module in net.modules():
        if isinstance(module, deform_align.SecondOrderAlignment):
            last = module.conv_offset[-1]
            assert isinstance(last, nn.Conv2d)
            nn.init.normal_(last.weight, std=0.01)
    return net


def compare(name: str, frames: int, side: int, repeat: int) -> str:
    """A row of the table."""
    ours, theirs = ready(build(name), torch.device("cpu")), arrange(build(name), torch.contiguous_format)
    count = EDVR_FRAMES if name == "edvr" else frames
    x = torch.rand(1, count, 3, side, side)
    made = 1 if name == "edvr" else count
    best, out = {"ours": float("inf"), "theirs": float("inf")}, {}
    with torch.inference_mode():
        for _ in range(repeat + 1):  # the first time is a warm-up
            for who, net in (("ours", ours), ("theirs", theirs)):
                with transcribed() if who == "theirs" else nullcontext():
                    started = time.process_time()
                    out[who] = net(x)
                    best[who] = min(best[who], time.process_time() - started)
    difference = float((out["ours"] - out["theirs"]).abs().max() / out["theirs"].std())
    ratio = best["theirs"] / best["ours"]
    seconds = f"{best['ours'] / made:.3f} | {best['theirs'] / made:.3f}"
    return f"| {name} | {seconds} | {ratio:.2f} | {difference:.1e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*NETWORKS, []], help="networks (default: all)")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--side", type=int, default=64, help="of the small frames")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(
        "| network | ours, CPU s a frame | transcription, CPU s a frame | ratio | largest difference / std |"
    )
    print("|---|---|---|---|---|")
    for name in given.names or NETWORKS:
        print(compare(name, given.frames, given.side, given.repeat), flush=True)


if __name__ == "__main__":
    main()
