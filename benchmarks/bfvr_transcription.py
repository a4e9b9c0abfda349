"""BFVR-STC against a plain transcription of its official loop, and what a window takes.

    python benchmarks/bfvr_transcription.py --frames 4         CPU seconds, both in one run
    python benchmarks/bfvr_transcription.py --window 24        what a window takes, from its shapes alone

A transcription makes our network run as the published code is written: every attention as a softmax over a
stored matrix of scores, nn.MultiheadAttention's averaged weights made and thrown away, swish in two steps,
codes through a softmax. Weights are random; the time does not depend on them.
"""

from __future__ import annotations

import argparse
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from baselines.bfvr_stc import blocks
from baselines.bfvr_stc.network import BFVRSTC, SIDE


def attention(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    scores = torch.matmul(q, k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    weights = (scores if attn_mask is None else scores + attn_mask).softmax(dim=-1)
    if q.shape[1] > 1 and attn_mask is None:
        weights.mean(1)  # nn.MultiheadAttention's second result, which the official layers do not use
    return torch.matmul(weights, v)


def swish(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def res_block(self: blocks.ResBlock3d, x: Tensor) -> Tensor:
    h = self.conv1(swish(self.norm1(x)))
    h = self.conv2(swish(self.norm2(h)))
    return h + (x if self.conv_out is None else self.conv_out(x))


def predict(self: BFVRSTC, latent: Tensor) -> tuple[Tensor, Tensor]:
    logits = PREDICT(self, latent)
    for each in logits:
        each.softmax(dim=-1).argmax(dim=-1)
    return logits


PREDICT = BFVRSTC.predict


@contextmanager
def transcribed() -> Iterator[None]:
    """The network runs as the published code is written."""
    with (
        patch.object(F, "scaled_dot_product_attention", attention),
        patch.object(blocks, "swish", swish),
        patch.object(blocks.ResBlock3d, "forward", res_block),
        patch.object(BFVRSTC, "predict", predict),
    ):
        yield


class LiveBytes(TorchDispatchMode):
    """Bytes of the tensors that live at once, at the peak; what a kernel takes inside is not seen."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        for tensor in tree_iter(out):
            storage = tensor.untyped_storage() if isinstance(tensor, Tensor) else None
            if storage is not None and storage._cdata not in self.seen:
                size = storage.nbytes()
                self.seen.add(storage._cdata)
                self.live += size
                self.peak = max(self.peak, self.live)
                weakref.finalize(storage, self._gone, storage._cdata, size)
        return out

    def _gone(self, which: int, size: int) -> None:
        self.seen.discard(which)
        self.live -= size


def multiply_accumulates(frames: int) -> float:
    """1e9 of them for a frame of a window: convolutions, matrices, attention."""
    with FakeTensorMode(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        BFVRSTC().eval()(torch.empty(1, frames, 3, SIDE, SIDE))
    return float(counter.get_total_flops()) / 2e9 / frames


def window_bytes(frames: int, stored_scores: bool = False) -> int:
    """The largest sum of the features that a window holds at once, the weights and the clip not counted."""

    def fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return torch.empty_like(q)

    replaced = attention if stored_scores else fused
    with FakeTensorMode(), torch.no_grad(), patch.object(F, "scaled_dot_product_attention", replaced):
        net, clip = BFVRSTC().eval(), torch.empty(1, frames, 3, SIDE, SIDE)
        with LiveBytes() as live:
            net(clip)
    return live.peak


def compare(frames: int, repeat: int) -> None:
    torch.manual_seed(0)
    net = BFVRSTC().eval().requires_grad_(False)
    clip = torch.rand(1, frames, 3, 16, 16).repeat_interleave(32, 3).repeat_interleave(32, 4)
    codes = torch.randint(0, 1024, (frames // 2, 4096))
    best: dict[str, float] = {}
    out: dict[str, Tensor] = {}
    for _ in range(repeat):
        for name, way in (("ours", nullcontext), ("transcription", transcribed)):
            started = time.process_time()
            with way():
                out[name] = net(clip, codes, codes).frames
            best[name] = min(best.get(name, float("inf")), time.process_time() - started)
    difference = float((out["ours"] - out["transcription"]).abs().max() / out["ours"].std())
    print("| ours, CPU s a frame | transcription, CPU s a frame | largest difference / std |\n|---|---|---|")
    each = " | ".join(f"{seconds / frames:.2f}" for seconds in best.values())
    print(f"| {each} | {difference:.1e} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument(
        "--window", type=int, help="only count for a window of so many frames; nothing is run"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.window is None:
        compare(given.frames, given.repeat)
        return
    print(f"{multiply_accumulates(given.window):.1f} GMAC a frame")
    print(f"{window_bytes(given.window) / 1e9:.2f} GB of features at the peak")
    print(f"{window_bytes(given.window, stored_scores=True) / 1e9:.2f} GB with stored matrices of scores")


if __name__ == "__main__":
    main()
