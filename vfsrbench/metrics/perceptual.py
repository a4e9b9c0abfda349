"""LPIPS of frames, and how LPIPS between neighbours changes (tLP)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.estimators.flow import Pair, pairs_of
from vfsrbench.metrics.networks.lpips_net import LPIPS
from vfsrbench.metrics.pixels import check_frames, check_pair
from vfsrbench.runtime.checkpoint import read_checkpoint, unwrap
from vfsrbench.runtime.network import free_bytes, runner

BATCH = {"cpu": {"alex": 2, "vgg": 1}, "cuda": {"alex": 16, "vgg": 4}}
"""Frames at a time: on a processor few, so that their maps stay in its cache."""
KEPT_BYTES = {"cpu": 5 << 29, "cuda": 1 << 33}
"""Features of a window's ground truth that are held for the other methods; beyond it they are made anew. A
window of 16 frames of 512x512 needs 2 GiB for VGG."""
KEPT_SHARE = 8
"""The part of the free memory that they may take, if that is less."""


class _LpipsMetric(Metric):
    """What LPIPS and tLP share. `params.backbone` on the card: alex or vgg; role `backbone`: its file."""

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.backbone = str(card.params["backbone"])

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        self.batch = BATCH.get(device.type, BATCH["cpu"])[self.backbone]
        path = weights["backbone"]
        build = partial(build_lpips, self.backbone, path)
        self.runner = runner(("lpips", self.backbone, path), build, device, self.profile)

    @property
    def network(self) -> LPIPS:
        assert isinstance(self.runner.network, LPIPS)
        return self.runner.network


class Lpips(_LpipsMetric):
    """LPIPS 0.1 of each frame against the ground truth's; 0 is equal."""

    def prepare(self, gt: Window) -> list[list[Tensor]]:
        """The truth's features, a batch each, as many as there is room for; at least one."""
        check_frames(gt)
        parts = _scored(gt, self.device).split(self.batch)
        room = kept_bytes(self.device)
        kept = [self._features(parts[0])]
        size = sum(f.numel() * f.element_size() for f in kept[0])
        return kept + [self._features(images) for images in parts[1 : room // size]]

    def score(self, restored: Window, gt: Window, state: list[list[Tensor]]) -> Values:
        check_pair(restored, gt)
        ours = _scored(restored, self.device).split(self.batch)
        theirs = _scored(gt, self.device).split(self.batch)
        distances = []
        for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            known = state[index] if index < len(state) else self._features(b)
            with self.runner.arithmetic():
                distances.append(self.network.compare(self._features(a), known).double())
        return torch.cat(distances).cpu().numpy()

    def _features(self, images: Tensor) -> list[Tensor]:
        with self.runner.arithmetic():
            return self.network.features(self.runner.laid_out(images))


class TemporalLpips(_LpipsMetric):
    """tLP: |LPIPS(restored t-1, restored t) - LPIPS(truth t-1, truth t)|, stored at t."""

    def prepare(self, gt: Window) -> Values:
        check_frames(gt)
        return self._between_neighbours(gt)

    def score(self, restored: Window, gt: Window, state: Values) -> Values:
        check_pair(restored, gt)
        return np.abs(self._between_neighbours(restored) - state)

    def _between_neighbours(self, window: Window) -> Values:
        """LPIPS of each scored frame and the one before it; NaN for the clip's first."""
        pairs = pairs_of(window)
        values = np.full(len(window.scored), np.nan)
        images = window.tensor(self.device)
        parts = [pairs[start : start + self.batch] for start in range(0, len(pairs), self.batch)]
        if parts:
            with self.runner.arithmetic():
                found = [self._distances(images, part, window.start).double() for part in parts]
                values[-len(pairs) :] = torch.cat(found).cpu().numpy()
        return values

    def _distances(self, images: Tensor, pairs: list[Pair], start: int) -> Tensor:
        """Of consecutive pairs: each frame passes the network once, though it stands in two pairs."""
        frames = images[pairs[0][0] - start : pairs[-1][1] - start + 1]
        features = self.network.features(self.runner.laid_out(frames))
        return self.network.compare([f[:-1] for f in features], [f[1:] for f in features])


def build_lpips(backbone: str, path: Path) -> nn.Module:
    """LPIPS with the package's heads and torchvision's backbone from its file."""
    network = LPIPS(backbone)
    network.load_backbone(unwrap(read_checkpoint(path), str(path)))
    return network


def kept_bytes(device: torch.device) -> int:
    """Bytes that features of the ground truth may take on a device."""
    return min(KEPT_BYTES.get(device.type, KEPT_BYTES["cpu"]), free_bytes(device) // KEPT_SHARE)


def _scored(window: Window, device: torch.device) -> Tensor:
    return window.tensor(device)[window.lead :]
