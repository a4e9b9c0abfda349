"""RAFT-large (Teed & Deng, ECCV 2020) from torchvision as a source of flow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.optical_flow.raft import CorrBlock, upsample_flow

from vfsrbench.metric import Window
from vfsrbench.metrics.estimators.flow import Flow, Pair
from vfsrbench.metrics.estimators.raft_names import AUTHORS, torchvision_names
from vfsrbench.metrics.pixels import pictures_of
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint, unwrap
from vfsrbench.runtime.network import rows_that_fit, runner
from vfsrbench.runtime.precision import Profile

UPDATES = 12
LEAST, MULTIPLE = 128, 8
BATCH, BYTES = 4, 1600
"""Pairs at a time on a processor, and what a pixel of a pair takes on a GPU (512x512: 0.4 GB)."""


class RaftFlow:
    """12 updates, frames in [-1, 1]; sides are padded by repetition to a multiple of 8, 128 at least."""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.profile = profile
        self.runner = runner(("raft", path), partial(load_raft, path), device, profile)

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        known: dict[Pair, Flow] = window.memo(("raft", self.profile), dict)
        missing = [pair for pair in pairs if pair not in known]
        height, width = window.frames.shape[1:3]
        batch = rows_that_fit(self.device, BYTES * height * width, BATCH)
        starts = range(0, len(missing), batch)
        parts = [self._found(window, missing[start : start + batch], batch) for start in starts]
        if parts:
            vectors = torch.cat(parts).cpu().numpy().astype(np.float32)  # the host waits once a window
            flows = (Flow(np.ascontiguousarray(one)) for one in vectors)
            known.update(zip(missing, flows, strict=True))
        return [known[pair] for pair in pairs]

    def _found(self, window: Window, pairs: list[Pair], batch: int) -> Tensor:
        """The flows (n, 2, H, W) of a few pairs, on the device."""
        first, second = (
            _padded(2 * pictures_of(window, self.device, [pair[side] for pair in pairs]) - 1)
            for side in (0, 1)
        )
        height, width = window.frames.shape[1:3]
        return self.runner(torch.stack([first, second], dim=1), batch, found_flow)[:, :, :height, :width]


def found_flow(network: nn.Module, frames: Tensor, updates: int = UPDATES) -> Tensor:
    """The flow (n, 2, H, W) of pairs (n, 2, 3, H, W) in [-1, 1], sides multiples of 8.

    The parts of torchvision's network in its order, to the same bits, but that the last flow alone is
    enlarged, and that nothing is made on the CPU for the host to copy.
    """
    parts: Any = network
    first, second = frames[:, 0], frames[:, 1]
    with frames.device:  # its pyramid looks around with numbers of the default device
        maps = parts.feature_encoder(torch.cat([first, second]))
        parts.corr_block.build_pyramid(*maps.chunk(2))
        context = parts.context_encoder(first)
        size = parts.update_block.hidden_state_size
        hidden, context = context[:, :size].tanh(), context[:, size:].relu()
        start = _places(maps).expand(len(frames), -1, -1, -1)
        place = start
        for _ in range(updates):
            seen = parts.corr_block.index_pyramid(centroids_coords=place)
            hidden, step = parts.update_block(hidden, context, seen, place - start)
            place = place + step
        parts.corr_block.corr_pyramid = []  # of the size of all pairs of places
        flow: Tensor = upsample_flow(place - start, parts.mask_predictor(hidden))
    return flow


def _places(maps: Tensor) -> Tensor:
    """Where each place of a map is: (2, h, w), x then y."""
    height, width = maps.shape[-2:]
    rows, columns = (torch.arange(size, device=maps.device).float() for size in (height, width))
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])


def load_raft(path: Path) -> nn.Module:
    """The network, filled with torchvision's file or one of the authors'.

    Raises:
        InputError: The file cannot be read, or holds another network.
    """
    tensors = unwrap(read_checkpoint(path), str(path))
    if any(name.removeprefix("module.").startswith(AUTHORS) for name in tensors):
        tensors = torchvision_names(tensors)
    network = untrained_raft()
    load_checkpoint(network, tensors, where=str(path))
    return network


def _padded(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    right, bottom = (max(LEAST, -(-side // MULTIPLE) * MULTIPLE) - side for side in (width, height))
    return F.pad(images, (0, right, 0, bottom), mode="replicate")


class _CorrBlock(CorrBlock):  # type: ignore[misc]
    """Without a scalar that goes to the device: the square root of a number of channels stays on the CPU."""

    def _compute_corr_volume(self, fmap1: Tensor, fmap2: Tensor) -> Tensor:
        with torch.device("cpu"):
            volume: Tensor = super()._compute_corr_volume(fmap1, fmap2)
        return volume


def untrained_raft() -> nn.Module:
    """The network, without weights."""
    from torchvision.models.optical_flow import raft_large

    network: nn.Module = raft_large(weights=None, progress=False, corr_block=_CorrBlock())
    return network
