"""Warping error: does a frame, carried along the motion, agree with its neighbour?

The formula and the masks are those of Lai et al., ECCV 2018 (fast_blind_video_consistency): the later
frame is sampled where the earlier frame's pixels went, and squared differences are averaged over the
pixels that are seen in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.metric import Frames, Metric, Values, Window
from vfsrbench.metrics.estimators.flow import Flow, pairs_of
from vfsrbench.metrics.estimators.flow_sources import flow_source
from vfsrbench.metrics.pixels import check_frames, check_pair

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_matrix

Mask = NDArray[np.bool_]
_CHUNK = 1 << 13


@dataclass(frozen=True)
class Carrier:
    """Samples a frame bilinearly where the visible pixels of the frame before it went.

    `matrix` (visible, H*W) holds the four weights of each sample, float32 like the flow itself; `visible`
    has the numbers of the pixels, y * W + x.
    """

    matrix: csr_matrix
    visible: NDArray[np.int64]

    def error(self, before: Frames, after: Frames) -> float:
        """Mean squared error over visible pixels and channels, pictures in [0, 1]; NaN if none is visible."""
        if not len(self.visible):
            return float("nan")
        carried = self.matrix @ after.reshape(-1, 3).astype(np.float32)
        carried -= before.reshape(-1, 3).take(self.visible, axis=0)
        return _sum_of_squares(carried.ravel()) / (carried.size * 255.0**2)


class FlowMetric(Metric):
    """A metric of flows. `params.flow` on the card names the source; role `flow`: its weights, if any."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        self.source = flow_source(str(self.card.params["flow"]), weights, device, self.profile)
        self.threaded = "flow" not in weights  # a network is PyTorch's


class WarpingError(FlowMetric):
    """Warping error x 1e3 of the pair (t-1, t), stored at t.

    `params.on` says which video the flow is found on: the ground truth, shared by all methods, or the
    restored video itself. A pair in which no pixel is visible twice has no value.
    """

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.on_itself = card.params.get("on", "truth") == "self"

    def prepare(self, gt: Window) -> list[Carrier] | None:
        check_frames(gt)
        return None if self.on_itself else self._carriers(gt)

    def score(self, restored: Window, gt: Window, state: list[Carrier] | None) -> Values:
        if state is None:  # nothing of the ground truth is looked at
            check_frames(restored)
            carriers = self._carriers(restored)
        else:
            check_pair(restored, gt)
            carriers = state
        values = np.full(len(restored.scored), np.nan)
        for (a, b), carrier in zip(pairs_of(restored), carriers, strict=True):
            before, after = (restored.frames[frame - restored.start] for frame in (a, b))
            values[b - restored.scored.start] = 1e3 * carrier.error(before, after)
        return values

    def _carriers(self, window: Window) -> list[Carrier]:
        pairs = pairs_of(window)
        forward = self.source.flows(window, pairs)
        backward = self.source.flows(window, [(b, a) for a, b in pairs])
        return [carrier(fw, visible(fw, bw)) for fw, bw in zip(forward, backward, strict=True)]


class FlowDistance(FlowMetric):
    """tOF (TecoGAN): mean |flow of the restored video - flow of the ground truth| in pixels, at the later
    frame of each pair; both flows run from frame t-1 to frame t."""

    def prepare(self, gt: Window) -> list[Flow]:
        check_frames(gt)
        return self.source.flows(gt, pairs_of(gt))

    def score(self, restored: Window, gt: Window, state: list[Flow]) -> Values:
        check_pair(restored, gt)
        pairs = pairs_of(restored)
        values = np.full(len(restored.scored), np.nan)
        for (_, b), ours, theirs in zip(pairs, self.source.flows(restored, pairs), state, strict=True):
            difference = ours.vectors.astype(np.float64) - theirs.vectors
            values[b - restored.scored.start] = np.abs(difference).mean()
        return values


def _sum_of_squares(values: NDArray[np.float32]) -> float:
    """In float64, in pieces too short for a BLAS to share among threads."""
    total = 0.0
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK].astype(np.float64)
        total += float(part.dot(part))
    return total


def visible(forward: Flow, backward: Flow) -> Mask:
    """(H, W): the pixels of the earlier frame that the later one shows too.

    Occluded where |bw(p + fw) + fw|^2 > 0.01 (|bw(p + fw)|^2 + |fw|^2) + 0.5, or at a motion boundary,
    where the squared forward differences of fw sum up to more than 0.01 |fw|^2 + 0.002. Both magnitudes are
    squared. Where a flow says itself that it is unknown, the earlier frame's pixel is left out; where only
    the backward flow is unknown, the first rule says nothing.
    """
    fw = forward.vectors.astype(np.float64)
    bw = backward.vectors.astype(np.float64)
    if backward.valid is not None:
        bw = np.where(backward.valid, bw, np.nan)
    everywhere = np.ones(fw.shape[1:], dtype=bool)
    there = (_sampling(fw, everywhere, np.float64) @ bw.reshape(2, -1).T).T.reshape(fw.shape)
    length = (fw**2).sum(0)
    inconsistent = ((there + fw) ** 2).sum(0) > 0.01 * ((there**2).sum(0) + length) + 0.5
    across = np.diff(fw, axis=2, append=fw[:, :, -1:])
    down = np.diff(fw, axis=1, append=fw[:, -1:])
    boundary = (across**2 + down**2).sum(0) > 0.01 * length + 0.002
    seen = ~(inconsistent | boundary)
    return seen if forward.valid is None else seen & forward.valid


def carrier(forward: Flow, seen: Mask) -> Carrier:
    """The carrier along `forward` (earlier frame to later) for the visible pixels `seen` (H, W)."""
    return Carrier(_sampling(forward.vectors.astype(np.float64), seen, np.float32), np.flatnonzero(seen))


def _sampling(fw: NDArray[np.float64], where: Mask, precision: type[np.floating[Any]]) -> csr_matrix:
    """(pixels in `where`, H*W): bilinear samples at p + fw(p), positions clamped to the border."""
    from scipy.sparse import csr_matrix

    height, width = where.shape
    rows, columns = np.nonzero(where)
    x = np.clip(columns + fw[0][where], 0, width - 1)
    y = np.clip(rows + fw[1][where], 0, height - 1)
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x -= left
    y -= top
    over, beside = 1 - y, 1 - x
    weights = np.empty((len(x), 4), precision)
    corners = np.empty((len(x), 4), np.int32)
    top *= width
    bottom *= width
    for corner, (row, down, column, across) in enumerate(
        [(top, over, left, beside), (top, over, right, x), (bottom, y, left, beside), (bottom, y, right, x)]
    ):
        np.multiply(across, down, out=weights[:, corner], casting="same_kind")
        np.add(row, column, out=corners[:, corner])
    starts = np.arange(0, 4 * len(x) + 1, 4, dtype=np.int32)
    return csr_matrix((weights.ravel(), corners.ravel(), starts), shape=(len(x), height * width))
