"""RAFT-large (Teed & Deng, ECCV 2020) from torchvision as a source of flow."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.metric import Window
from vfsrbench.metrics.estimators.flow import Flow, Pair
from vfsrbench.runtime.network import loaded, runner
from vfsrbench.runtime.precision import Profile

UPDATES = 12
LEAST, MULTIPLE = 128, 8
BATCH = 4


class RaftFlow:
    """12 updates, frames in [-1, 1]; sides are padded by repetition to a multiple of 8, 128 at least."""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.profile = profile
        self.runner = runner(("raft_large", path), partial(loaded, _network, path), device, profile)

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        known: dict[Pair, Flow] = window.memo(("raft", self.profile), dict)
        missing = [pair for pair in pairs if pair not in known]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            known.update(zip(part, self._found(window, part), strict=True))
        return [known[pair] for pair in pairs]

    def _found(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        images = window.tensor(self.device)
        height, width = images.shape[2:]
        first, second = (
            _padded(2 * images[[pair[side] - window.start for pair in pairs]] - 1) for side in (0, 1)
        )
        vectors = self.runner(torch.stack([first, second], dim=1), BATCH, _apply)
        cut = vectors[:, :, :height, :width].cpu().numpy().astype(np.float32)
        return [Flow(np.ascontiguousarray(one)) for one in cut]


def _apply(network: nn.Module, frames: Tensor) -> Tensor:
    found: list[Tensor] = network(frames[:, 0], frames[:, 1], num_flow_updates=UPDATES)
    return found[-1]


def _padded(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    right, bottom = (max(LEAST, -(-side // MULTIPLE) * MULTIPLE) - side for side in (width, height))
    return F.pad(images, (0, right, 0, bottom), mode="replicate")


def _network() -> nn.Module:
    from torchvision.models.optical_flow import raft_large

    network: nn.Module = raft_large(weights=None, progress=False)
    return network
