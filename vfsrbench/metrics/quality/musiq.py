"""MUSIQ of restored frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.networks.musiq import MUSIQ
from vfsrbench.metrics.pixels import check_frames
from vfsrbench.runtime.network import loaded, rows_that_fit, runner

TOKEN_BYTES = 4 << 20
"""Maps of a token's patch, roughly; a picture has a token for each 32x32 pixels and 193 more."""


class Musiq(Metric):
    """MUSIQ of each frame. `params.classes` on the card: 1 or 10; role `network`: its file."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        classes, path = int(self.card.params["classes"]), weights["network"]
        build = partial(loaded, partial(MUSIQ, num_classes=classes), path)
        self.runner = runner(("musiq", classes, path), build, device, self.profile)

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        images = restored.tensor(self.device)[restored.lead :]
        tokens = 193 + -(-images.shape[2] // 32) * -(-images.shape[3] // 32)
        batch = rows_that_fit(self.device, tokens * TOKEN_BYTES, on_cpu=1)
        return self.runner(images, batch).double().cpu().numpy()
