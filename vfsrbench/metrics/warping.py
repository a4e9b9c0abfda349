"""Warping error: does a frame, carried along the motion, agree with its neighbour?

The formula and the masks are those of Lai et al., ECCV 2018 (fast_blind_video_consistency): the later
frame is sampled where the earlier frame's pixels went, and squared differences are averaged over the
pixels that are seen in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.metric import Frames, Metric, Values, Window
from vfsrbench.metrics.estimators.flow import Flow, pairs_of
from vfsrbench.metrics.estimators.flow_sources import flow_source
from vfsrbench.metrics.pixels import check_frames, check_pair, row_bands

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
    bw = backward.vectors.astype(np.float64)
    if backward.valid is not None:
        bw = np.where(backward.valid, bw, np.nan)
    height, width = bw.shape[1:]
    seen = np.empty((height, width), dtype=bool)
    for rows in row_bands(height, max(1, _CHUNK // width)):
        seen[rows] = _consistent(forward.vectors, bw, rows)
    return seen if forward.valid is None else seen & forward.valid


def _consistent(forward: NDArray[np.float32], bw: NDArray[np.float64], rows: slice) -> Mask:
    """Where neither rule of `visible` leaves a pixel of these rows out."""
    height, width = bw.shape[1:]
    count = rows.stop - rows.start
    fw = forward[:, rows.start : rows.stop + 1].astype(np.float64)  # and the row below, if there is one
    down = np.diff(fw, axis=1, append=fw[:, -1:])[:, :count]
    fw = fw[:, :count]
    across = np.diff(fw, axis=2, append=fw[:, :, -1:])
    x, y = np.arange(width) + fw[0], np.arange(rows.start, rows.stop)[:, None] + fw[1]
    there = np.zeros_like(fw)
    for pixel, weight in _corners(x, y, height, width):
        for sum_, values in zip(there, bw, strict=True):
            sum_ += weight * values.take(pixel)
    length = (fw**2).sum(0)
    inconsistent = ((there + fw) ** 2).sum(0) > 0.01 * ((there**2).sum(0) + length) + 0.5
    boundary = (across**2 + down**2).sum(0) > 0.01 * length + 0.002
    return np.asarray(~(inconsistent | boundary))


def carrier(forward: Flow, seen: Mask) -> Carrier:
    """The carrier along `forward` (earlier frame to later) for the visible pixels `seen` (H, W)."""
    from scipy.sparse import csr_matrix

    height, width = seen.shape
    count, done = int(np.count_nonzero(seen)), 0
    weights, pixels = np.empty((count, 4), np.float32), np.empty((count, 4), np.int32)
    for rows in row_bands(height, max(1, _CHUNK // width)):
        here = seen[rows]
        y, x = np.nonzero(here)
        fw = [part[rows][here].astype(np.float64) for part in forward.vectors]
        part = slice(done, done + len(x))
        for corner, (pixel, weight) in enumerate(_corners(x + fw[0], y + rows.start + fw[1], height, width)):
            pixels[part, corner], weights[part, corner] = pixel, weight
        done = part.stop
    starts = np.arange(0, 4 * count + 1, 4, dtype=np.int32)
    matrix = csr_matrix((weights.ravel(), pixels.ravel(), starts), shape=(count, height * width))
    return Carrier(matrix, np.flatnonzero(seen))


def _corners(
    x: NDArray[np.float64], y: NDArray[np.float64], height: int, width: int
) -> list[tuple[NDArray[np.int32], NDArray[np.float64]]]:
    """The four pixels around each position, as y * W + x, and their bilinear weights. Positions, which are
    overwritten, are clamped to the border."""
    np.clip(x, 0, width - 1, out=x)
    np.clip(y, 0, height - 1, out=y)
    left, top = x.astype(np.int32), y.astype(np.int32)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x -= left
    y -= top
    over, beside = 1 - y, 1 - x
    top *= width
    bottom *= width
    return [
        (top + left, beside * over),
        (top + right, x * over),
        (bottom + left, beside * y),
        (bottom + right, x * y),
    ]
