"""GFPGAN as a method: the official tool's steps for aligned faces, batched over frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from baselines.adapters.face import FacePredictor
from baselines.gfpgan.network import GFPGANClean, draw_noise
from vfsrbench.card import MethodCard, Value
from vfsrbench.runtime.device import queued


class GFPGANPredictor(FacePredictor):
    """Restores each frame by itself. Options: version (which checkpoint), noise (stored or seeded)."""

    channels_last = True

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """Seeded noise is drawn in windows of one frame: the harness seeds each window by its first frame,
        so that a frame's noise follows from seed, clip and frame alone, whatever fits into memory."""
        self.seeded = options["noise"] == "seeded"
        super().__init__(card.model_copy(update={"window": 1}) if self.seeded else card, options)

    def network(self) -> nn.Module:
        return GFPGANClean()

    def run(self, faces: Tensor, **given: Any) -> Tensor:
        image: Tensor = self.net(faces, randomize_noise=False, **given).image
        return image

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """(T, 3, h, w) in [0, 1] -> (T, 3, H, W); seeded noise is drawn frame after frame."""
        if not self.seeded:
            return super().restore(frames, generator)
        restored = []
        for frame in frames.split(1):
            maps = draw_noise(1, self.net.side, generator)
            # all of them in one piece: a copy to the device for each would make the host wait 15 times
            piece = queued(torch.cat([one.flatten() for one in maps]), frames.device)
            parts = piece.split([one.numel() for one in maps])
            noise = [part.view(one.shape) for part, one in zip(parts, maps, strict=True)]
            restored.append(self.restore_batch(frame, noise=noise))
        return torch.cat(restored)
