"""MANIQA of restored frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.networks.maniqa import MANIQA, SIDE, pooled
from vfsrbench.metrics.pixels import check_frames
from vfsrbench.runtime.network import loaded, rows_that_fit, runner

CROP_BYTES = 400 << 20
Corners = list[tuple[int, int]]


class Maniqa(Metric):
    """MANIQA of each frame. Role `network`: its file.

    On the card: `params.crops`, how many; `params.places`: `even`, on a grid, or `drawn` from `params.seed`,
    the same for all frames of a size.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["network"]
        self.runner = runner(("maniqa", path), partial(loaded, MANIQA, path), device, self.profile)

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        images = restored.tensor(self.device)[restored.lead :]
        batch = rows_that_fit(self.device, CROP_BYTES, on_cpu=1)
        return torch.stack([self._one(image, batch) for image in images]).cpu().numpy()

    def _one(self, image: Tensor, batch: int) -> Tensor:
        large = enlarged(image)
        params, size = self.card.params, (large.shape[1], large.shape[2])
        count = int(params["crops"])
        corners = even(*size, count)
        if params["places"] == "drawn":
            corners = drawn(*size, count, int(params["seed"]))
        crops = torch.stack([large[:, top : top + SIDE, left : left + SIDE] for top, left in corners])
        return pooled(self.runner(crops, batch))


def enlarged(image: Tensor) -> Tensor:
    """A picture (3, H, W) whose shorter side has 224 pixels or fewer, enlarged bilinearly to 225."""
    shorter = min(image.shape[1:])
    if shorter > SIDE:
        return image
    return F.interpolate(image[None], scale_factor=(SIDE + 1) / shorter, mode="bilinear")[0]


def even(height: int, width: int, count: int) -> Corners:
    """The first corners of a grid of (r + 1) x (r + 1), row by row, r = floor(sqrt(count)): of 20, r is 4, so
    that its last row is missing."""
    parts = int(count**0.5)
    down, across = (height - SIDE) // parts, (width - SIDE) // parts
    grid = [(i * down, j * across) for i in range(parts + 1) for j in range(parts + 1)]
    return grid[:count]


def drawn(height: int, width: int, count: int, seed: int) -> Corners:
    """Corners from numpy's RandomState: all rows, then all columns, each place as likely as any other."""
    rng = np.random.RandomState(seed)
    sides = [rng.randint(0, side - SIDE + 1, count, np.int64).tolist() for side in (height, width)]
    return list(zip(*sides, strict=True))
