"""CLIP-IQA and CLIP-IQA+ (Wang et al., AAAI 2023) of restored frames."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.networks.clip.image_tower import MIN_SIDE
from vfsrbench.metrics.networks.clip.rn50 import ClipRN50, load_clip, load_prompts
from vfsrbench.metrics.pixels import check_frames, check_size
from vfsrbench.runtime.network import rows_that_fit, runner

_START, _END = 49406, 49407
_PICTURE = 2867
SENTENCES: dict[str, tuple[tuple[int, ...], ...]] = {
    "one": ((886, 1125, 269), (2103, 1125, 269)),
    "five": (
        (886, _PICTURE),
        (2103, _PICTURE),
        (8157, _PICTURE),
        (21977, _PICTURE),
        (8157, 20938),
        (21977, 20938),
        (1400, 9977, _PICTURE),
        (1042, 9977, _PICTURE),
        (9307, 268, 1139, _PICTURE),
        (33495, _PICTURE),
    ),
    "learned": ((343,) * 16 + (886, 1125, 852), (343,) * 16 + (2103, 1125, 852)),
}
"""CLIP's tokens of pairs, the good one first. `one`: "Good photo.", "Bad photo."; `five`: Good/bad image,
Sharp/blurry image, sharp/blurry edges, High/low resolution image, Noise-free/noisy image; `learned`: 16 times
"X", then "good photo..", "bad photo..", of which the sixteen are replaced."""
PIXEL_BYTES = 600


class ClipIqa(Metric):
    """The part that the good sentence of a pair takes, averaged over pairs.

    `params.prompts` on the card: one, five or learned; roles `clip`, and `prompts` for learned ones.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["clip"]
        self.runner = runner(("clip_rn50", path), partial(load_clip, path), device, self.profile)
        with self.runner.arithmetic():
            self.texts = sentence_features(self.network, str(self.card.params["prompts"]), weights)

    @property
    def network(self) -> ClipRN50:
        assert isinstance(self.runner.network, ClipRN50)
        return self.runner.network

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        check_size(restored, MIN_SIDE, self.card.id)
        images = restored.tensor(self.device)[restored.lead :]
        batch = rows_that_fit(self.device, images[0, 0].numel() * PIXEL_BYTES, on_cpu=1)
        features = self.runner(images, batch)
        with self.runner.arithmetic():
            pairs = self.network.logits(features, self.texts).unflatten(1, (-1, 2))
            return pairs.double().softmax(2)[:, :, 0].mean(1).cpu().numpy()


def sentence_features(network: ClipRN50, prompts: str, weights: Mapping[str, Path]) -> Tensor:
    """Features of the sentences of a kind, which stay the same for all frames."""
    sentences = [(_START, *words, _END) for words in SENTENCES[prompts]]
    embedded = network.embedded(sentences)
    if prompts == "learned":
        embedded = load_prompts(weights["prompts"]).to(embedded.device)(embedded)
    return network.text_features(embedded, [len(tokens) - 1 for tokens in sentences])
