"""The warping error of EvalCrafter, which STAR, DOVE and others print as E*warp.

Not Lai et al.'s: RAFT is fed almost black pictures at half size, the border that pads them counts, and the
sum over three channels is divided by the number of pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.estimators.flow import Flow, pairs_of
from vfsrbench.metrics.estimators.raft import BATCH, BYTES, found_flow, load_raft
from vfsrbench.metrics.pixels import check_frames, check_size
from vfsrbench.metrics.warping import carrier, visible
from vfsrbench.runtime.network import rows_that_fit, runner

UPDATES, MULTIPLE, MIN_SIDE = 20, 8, 256
"""Below 256 pixels RAFT's coarsest level of the halved picture has one row, and its flow is NaN."""


class HalvedWarpingError(Metric):
    """E*warp x 1e3 of the pair (t-1, t) of restored frames, stored at t. Role `flow`: RAFT's file."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["flow"]
        self.runner = runner(("raft", path), partial(load_raft, path), device, self.profile)

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        check_size(restored, MIN_SIDE, self.card.id)
        values = np.full(len(restored.scored), np.nan)
        pairs = pairs_of(restored)
        if pairs:
            images = halved(restored.tensor(self.device)[pairs[0][0] - restored.start :])
            forward, backward = self.flows(images)
            pictures = images.permute(0, 2, 3, 1).cpu().numpy()
            both = zip(forward, backward, pictures[:-1], pictures[1:], strict=True)
            values[-len(pairs) :] = [1e3 * pair_error(*pair) for pair in both]
        return values

    def flows(self, images: Tensor) -> tuple[list[Flow], list[Flow]]:
        """Of each frame (n, 3, H, W) to the next, and back."""
        batch = rows_that_fit(self.device, BYTES * images[0, 0].numel(), BATCH)
        dark = 2 * (images / 255) - 1
        pairs = torch.stack([dark[:-1], dark[1:]], dim=1)
        found = self.runner(torch.cat([pairs, pairs.flip(1)]), batch, _apply).cpu().numpy()
        flows = [Flow(np.ascontiguousarray(one)) for one in found]
        return flows[: len(pairs)], flows[len(pairs) :]


def halved(images: Tensor) -> Tensor:
    """(n, 3, H, W) at half size, bilinear without antialiasing; sides are padded by repetition to a multiple
    of 8, the smaller half before."""
    small = F.interpolate(images, scale_factor=0.5, mode="bilinear", align_corners=False)
    down, right = (-side % MULTIPLE for side in small.shape[2:])
    return F.pad(small, (right // 2, right - right // 2, down // 2, down - down // 2), mode="replicate")


def pair_error(
    forward: Flow, backward: Flow, before: NDArray[np.float32], after: NDArray[np.float32]
) -> float:
    """Squared differences of the visible pixels, summed over their channels too, by the number of pixels.

    before, after: (H, W, 3) in [0, 1]. A pair without a visible pixel counts as 0.
    """
    seen = visible(forward, backward)
    if not seen.any():
        return 0.0
    carried = carrier(forward, seen)
    differences = carried.matrix @ after.reshape(-1, 3) - before.reshape(-1, 3)[carried.visible]
    return float(np.square(differences, dtype=np.float64).sum()) / len(carried.visible)


def _apply(network: nn.Module, frames: Tensor) -> Tensor:
    return found_flow(network, frames, UPDATES)
