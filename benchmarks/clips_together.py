"""Two clips of one length through a recurrent network at once, and one after the other: seconds and bits.

    python benchmarks/clips_together.py                 BasicVSR and BasicVSR++, 3 frames of 64x64, one thread
    python benchmarks/clips_together.py basicvsr --frames 5 --clips 4 --device cuda

Networks of random weights, as the adapters lay them out. Seconds are the processor's on a CPU, the clock's on
a GPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn

from baselines.adapters.ready import ready
from baselines.basicvsr.network import BasicVSR
from baselines.basicvsrpp.network import BasicVSRPlusPlus

NETWORKS: dict[str, Callable[[], nn.Module]] = {"basicvsr": BasicVSR, "basicvsrpp": BasicVSRPlusPlus}


def timed(call: Callable[[], Tensor], device: torch.device, repeat: int) -> tuple[float, Tensor]:
    """The best time of some calls, and the result."""
    cuda = device.type == "cuda"
    clock = time.perf_counter if cuda else time.process_time
    best, out = float("inf"), torch.empty(0)
    for _ in range(repeat):
        if cuda:
            torch.cuda.synchronize(device)
        began = clock()
        out = call()
        if cuda:
            torch.cuda.synchronize(device)
        best = min(best, clock() - began)
    return best, out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*NETWORKS, []], help="networks (default: all)")
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | one after the other, s | at once, s | ratio | same bits | largest difference |")
    print("|---|---|---|---|---|---|")
    for name in given.names or NETWORKS:
        torch.manual_seed(0)
        net = ready(NETWORKS[name](), given.device)
        shape = (given.clips, given.frames, 3, given.side, given.side)
        x = torch.rand(shape).to(given.device)
        with torch.no_grad():
            net(x[:1])  # whatever is prepared at first
            alone, plain = timed(
                lambda net=net, x=x: torch.cat([net(clip) for clip in x.split(1)]), given.device, given.repeat
            )
            together, batched = timed(lambda net=net, x=x: net(x), given.device, given.repeat)
        same = torch.equal(plain, batched)
        apart = float((plain - batched).abs().max())
        row = f"| {name} | {alone:.2f} | {together:.2f} | {alone / together:.2f} | {same} | {apart:.1e} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
