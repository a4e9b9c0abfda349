"""CodeFormer and KEEP against plain transcriptions of their official loops: equal output, and CPU seconds.

    python benchmarks/codebook_transcription.py --frames 3

A transcription makes our network run as the published code is written: attention as an explicit softmax over
a stored matrix, swish in two steps, codes through softmax, top-1 and a one-hot matrix, fusion in separate
steps, both images of every flow pair through the backbone, CodeFormer one frame at a time. Weights are
random; the time does not depend on them. Flows of random weights are long and noisy, so KEEP is given flows
in a first comparison of outputs, and computes its own for the time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.adapters.ready import ready
from baselines.codeformer.network import CodeFormer
from baselines.keep.network import KEEP
from baselines.layers.flow.gmflow import GMFlow
from baselines.layers.flow.gmflow import network as gmflow
from baselines.layers.generative import codebook, vqgan

CPU = torch.device("cpu")


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.matmul(q, k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    return torch.matmul((scores if mask is None else scores + mask).softmax(dim=-1), v)


def soft_lookup(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return attention(query, key, value)


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def res_block(self: vqgan.ResBlock, x: Tensor) -> Tensor:
    h = self.conv1(swish(self.norm1(x)))
    h = self.conv2(swish(self.norm2(h)))
    return h + (self.get_submodule(self.shortcut)(x) if self.shortcut else x)


def predict(self: codebook.CodePredictor, latent: Tensor) -> Tensor:
    logits = PREDICT(self, latent)
    self.chosen = logits.softmax(dim=2).topk(1, dim=2)[1]
    return logits


def look_up(self: codebook.Codebook, codes: Tensor) -> Tensor:
    side = int(codes.shape[1] ** 0.5)
    one_hot = torch.zeros(codes.numel(), codebook.CODES).scatter_(1, codes.reshape(-1, 1), 1)
    found = torch.matmul(one_hot, self.embedding.weight).view(len(codes), side, side, -1)
    return found.permute(0, 3, 1, 2).contiguous()


def fuse(self: codebook.FuseBlock, encoded: Tensor, decoded: Tensor, w: float = 1.0) -> Tensor:
    both = self.encode_enc(torch.cat([encoded, decoded], dim=1))
    return decoded + w * (decoded * self.scale(both) + self.shift(both))


def backwards(self: GMFlow, frames: Tensor) -> Tensor:
    later, earlier = frames[:, 1:].flatten(0, 1), frames[:, :-1].flatten(0, 1)
    return self(later, earlier, api="wrapper").unflatten(0, (len(frames), -1))


PREDICT = codebook.CodePredictor.predict


@contextmanager
def transcribed() -> Iterator[None]:
    """Every network of ours runs as the published code is written."""
    with (
        patch.object(F, "scaled_dot_product_attention", attention),
        patch.object(gmflow, "soft_lookup", soft_lookup),
        patch.object(vqgan, "swish", swish),
        patch.object(vqgan.ResBlock, "forward", res_block),
        patch.object(codebook.CodePredictor, "predict", predict),
        patch.object(codebook.Codebook, "forward", look_up),
        patch.object(codebook.FuseBlock, "forward", fuse),
        patch.object(GMFlow, "backwards", backwards),
    ):
        yield


def plainly(call: Callable[[], Tensor]) -> Tensor:
    with transcribed():
        return call()


def timed(calls: dict[str, Callable[[], Tensor]], repeat: int) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Least CPU seconds of each call, the calls taking turns, and what they return."""
    best, out = dict.fromkeys(calls, float("inf")), {}
    for _ in range(repeat):
        for name, call in calls.items():
            started = time.process_time()
            out[name] = call()
            best[name] = min(best[name], time.process_time() - started)
    return best, out


def build(network: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    net = network().eval().requires_grad_(False)
    net.position_emb.normal_()
    return net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    n = given.frames
    x = torch.rand(n, 3, 16, 16).repeat_interleave(32, 2).repeat_interleave(32, 3) * 2 - 1
    flows = torch.rand(1, n - 1, 2, 16, 16).repeat_interleave(32, 3).repeat_interleave(32, 4) * 8 - 4
    print("| network | ours, CPU s a frame | transcription, CPU s a frame | largest difference / std |")
    print("|---|---|---|---|")

    compare_codeformer(x, given.repeat)
    compare_keep(x[None], flows, given.repeat)


def compare_codeformer(x: Tensor, repeat: int) -> None:
    ours, theirs = ready(build(CodeFormer), CPU), build(CodeFormer)

    def one_by_one() -> Tensor:
        return torch.cat([theirs(frame[None], w=0.5, adain=True)[0] for frame in x])

    calls = {"ours": lambda: ours(x, w=0.5, adain=True)[0], "plain": lambda: plainly(one_by_one)}
    report("codeformer", *timed(calls, repeat), len(x))


def compare_keep(x: Tensor, flows: Tensor, repeat: int) -> None:
    ours, theirs = ready(build(KEEP), CPU), build(KEEP)

    def run(net: nn.Module, **given: Tensor) -> Tensor:
        return net(x, need_upscale=False, **given)

    seconds, _ = timed({"ours": lambda: run(ours), "plain": lambda: plainly(lambda: run(theirs))}, repeat)
    fed = {"ours": run(ours, flows=flows), "plain": plainly(lambda: run(theirs, flows=flows))}
    report("keep", seconds, fed, x.shape[1])


def report(name: str, seconds: dict[str, float], out: dict[str, Tensor], frames: int) -> None:
    difference = float((out["plain"] - out["ours"]).abs().max() / out["ours"].std())
    each = [f"{seconds[key] / frames:.2f}" for key in ("ours", "plain")]
    print(f"| {name} | {each[0]} | {each[1]} | {difference:.1e} |", flush=True)


if __name__ == "__main__":
    main()
