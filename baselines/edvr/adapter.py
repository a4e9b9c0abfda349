"""EDVR as a method: every frame from the five around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.adapters.vsr import VsrPredictor
from baselines.edvr.network import EDVR


def circle(index: int, frames: int, reach: int) -> list[int]:
    """The frame numbers of a window around `index`; beyond the clip's ends, frames from the window's other
    side stand in ("reflection_circle", as the official tests do it): frame 0 of many gets 4 3 0 1 2.

    Clips shorter than the window repeat their nearest frame where that rule leads outside.
    """
    window = []
    for t in range(index - reach, index + reach + 1):
        if t < 0:
            t = index + reach - t
        elif t >= frames:
            t = index - reach - (t - frames + 1)
        window.append(min(max(t, 0), frames - 1))
    return window


class EDVRPredictor(VsrPredictor):
    """x4 from a quarter of the ground truth's size. Each frame's features are computed once."""

    multiple = 4
    least = 16
    compiled = ("pyramid", "fuse")

    def network(self) -> nn.Module:
        large = self.options["size"] == "large"
        channels, blocks = (128, 40) if large else (64, 10)
        return EDVR(channels, num_blocks_reconstruction=blocks, with_tsa=bool(self.options["tsa"]))

    def run(self, frames: Tensor) -> Tensor:
        net = self.net
        assert isinstance(net, EDVR)
        pyramids = [net.pyramid(frame) for frame in frames.split(1)]
        out = []
        for i in range(len(frames)):
            window = circle(i, len(frames), net.centre)
            out.append(net.fuse([pyramids[t] for t in window], frames[i : i + 1]))
        return torch.cat(out)
