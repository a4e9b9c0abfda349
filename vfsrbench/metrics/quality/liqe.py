"""LIQE (Zhang et al., CVPR 2023) of restored frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.networks.clip.vit_b32 import SIDE, ClipViTB32, load_liqe
from vfsrbench.metrics.pixels import check_frames, check_size
from vfsrbench.runtime.network import rows_that_fit, runner

STEP, MOST = 32, 15
"""Pixels between crops, and how many of them are looked at."""
CROP_BYTES = 4 << 20
Words = tuple[int, ...]
QUALITIES: tuple[Words, ...] = ((2103,), (3665,), (2849,), (886,), (1878,))
"""CLIP's tokens of: bad, poor, fair, good, perfect."""
SCENES: tuple[Words, ...] = (
    (4668,), (40808,), (2751,), (9546,), (5727,), (930,), (3912,), (1170, 318, 970), (3326,),
)  # fmt: skip
"""Animal, cityscape, human, indoor, landscape, night, plant, still_life, others."""
DISTORTIONS: tuple[Words, ...] = (
    (73, 11207, 273, 271, 271, 271, 25638), (73, 11207, 25638), (9307,), (27976,), (3140,), (18501,),
    (8649, 13002, 35539), (21675, 87, 35539), (22022,), (31540, 3683), (1010,),
)  # fmt: skip
"""JPEG2000 compression, JPEG compression, noise, blur, color, contrast, overexposure, underexposure, spatial,
quantization, other."""
_START, _END, _QUALITY = 49406, 49407, 3027


def _five() -> list[Words]:
    """A photo with Q quality."""
    return [(_START, 320, 1125, 593, *quality, _QUALITY, _END) for quality in QUALITIES]


def _mix() -> list[Words]:
    """A photo of a S with D artifacts, which is of Q quality."""
    first, middle, last = (320, 1125, 539, 320), (593,), (30249, 267, 1448, 533, 539)
    return [
        (_START, *first, *scene, *middle, *distortion, *last, *quality, _QUALITY, _END)
        for quality, scene, distortion in product(QUALITIES, SCENES, DISTORTIONS)
    ]


SENTENCES = {"five": _five, "mix": _mix}


class Liqe(Metric):
    """LIQE of each frame, 1..5. `params.sentences` on the card: five or mix; role `clip`: its file."""

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["clip"]
        self.runner = runner(("liqe", path), lambda: load_liqe(path), device, self.profile)
        sentences = SENTENCES[str(self.card.params["sentences"])]()
        network, ends = self.network, [len(tokens) - 1 for tokens in sentences]
        with self.runner.arithmetic():
            self.texts = network.text_features(network.embedded(sentences), ends)

    @property
    def network(self) -> ClipViTB32:
        assert isinstance(self.runner.network, ClipViTB32)
        return self.runner.network

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        check_size(restored, SIDE, self.card.id)
        images = restored.tensor(self.device)[restored.lead :]
        batch = rows_that_fit(self.device, CROP_BYTES, on_cpu=1)
        found = torch.stack([self._probabilities(self.runner(crops_of(image), batch)) for image in images])
        return found.cpu().numpy() @ np.arange(1.0, 1 + len(QUALITIES))

    def _probabilities(self, features: Tensor) -> Tensor:
        """Of the five qualities, from the features of a frame's crops: (5,), float64."""
        with self.runner.arithmetic():
            logits = self.network.logits(features, self.texts).double().mean(0)
            return logits.softmax(0).unflatten(0, (len(QUALITIES), -1)).sum(1)


def crops_of(image: Tensor) -> Tensor:
    """At most 15 of the 224x224 crops at every 32nd pixel of a picture (3, H, W): of n crops, row by row,
    every floor(n / 15)-th from the first on. The lowest rows of large pictures are not reached."""
    rows, columns = ((side - SIDE) // STEP + 1 for side in image.shape[1:])
    count = rows * columns
    chosen = [number * max(1, count // MOST) for number in range(min(MOST, count))]
    places = [(STEP * (number // columns), STEP * (number % columns)) for number in chosen]
    return torch.stack([image[:, top : top + SIDE, left : left + SIDE] for top, left in places])
