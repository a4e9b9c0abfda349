"""DISTS of frames, at full size and as the authors' script shrinks them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vfsrbench.metric import Frames, Values, Window
from vfsrbench.metrics.networks.dists import DISTS
from vfsrbench.metrics.perceptual import Lpips
from vfsrbench.metrics.pixels import check_frames, check_pair
from vfsrbench.runtime.checkpoint import read_checkpoint, unwrap
from vfsrbench.runtime.network import runner

BATCH = {"cpu": 1, "cuda": 4}


class Dists(Lpips):
    """DISTS of each frame against the ground truth's; 0 is equal. Roles `backbone` (VGG-16) and `heads`.
    `params.shorter` on the card: the shorter side that larger frames are shrunk to; 0: none."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        self.device = device
        self.batch = BATCH.get(device.type, BATCH["cpu"])
        files = weights["backbone"], weights["heads"]
        self.runner = runner(("dists", *files), lambda: build_dists(*files), device, self.profile)

    @property
    def network(self) -> DISTS:  # type: ignore[override]
        assert isinstance(self.runner.network, DISTS)
        return self.runner.network

    def prepare(self, gt: Window) -> list[list[Tensor]]:
        check_frames(gt)
        return super().prepare(self._sized(gt))

    def score(self, restored: Window, gt: Window, state: list[list[Tensor]]) -> Values:
        check_pair(restored, gt)
        return super().score(self._sized(restored), self._sized(gt), state)

    def _sized(self, window: Window) -> Window:
        shorter = int(self.card.params["shorter"])
        if not shorter or min(window.frames.shape[1:3]) <= shorter:
            return window
        small = lambda: Window(shrunk(window.frames, shorter), window.start, window.lead, window.truth)  # noqa: E731
        return window.memo(("dists", shorter), small)


def shrunk(frames: Frames, shorter: int) -> Frames:
    """Frames (T, H, W, 3) bilinear by Pillow, which averages what it drops, to this shorter side; the longer
    one is rounded down, as torchvision's `resize` does."""
    from PIL import Image

    height, width = frames.shape[1:3]
    least = min(height, width)
    size = int(shorter * width / least), int(shorter * height / least)
    small = [Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR) for frame in frames]
    return np.stack([np.asarray(picture) for picture in small])


def build_dists(backbone: Path, heads: Path) -> nn.Module:
    """DISTS from the two files."""
    network = DISTS()
    states = (unwrap(read_checkpoint(path), str(path)) for path in (backbone, heads))
    network.load_files(*states)
    return network
