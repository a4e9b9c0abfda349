"""Flows between neighbouring frames of a clip, in both directions."""

from __future__ import annotations

from torch import Tensor

from baselines.layers.flow.spynet import SPyNet
from baselines.layers.residual import in_chunks


def neighbour_flows(spynet: SPyNet, frames: Tensor) -> tuple[Tensor, Tensor]:
    """(n, t, 3, h, w) -> forward and backward flows, (n, t-1, 2, h, w) each, in pixels.

    `backward[:, i]` leads from frame i to frame i + 1 (it brings later features back to i), `forward[:, i]`
    from frame i + 1 to frame i.
    """
    n, t, c, h, w = frames.shape
    earlier = frames[:, :-1].reshape(-1, c, h, w)
    later = frames[:, 1:].reshape(-1, c, h, w)
    backward = in_chunks(spynet, earlier, later).view(n, t - 1, 2, h, w)
    forward = in_chunks(spynet, later, earlier).view(n, t - 1, 2, h, w)
    return forward, backward
