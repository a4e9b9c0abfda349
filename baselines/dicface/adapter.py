"""DicFace as a method: the official tool's steps for aligned faces, and its windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from baselines.adapters.aligned import fit_result, is_grey, resize_faces, to_grey, to_levels
from baselines.adapters.ready import ready
from baselines.dicface.network import DicFace, mean_weights
from degradations.errors import InputError
from vfsrbench.card import MethodCard, Value
from vfsrbench.predictor import Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint
from vfsrbench.runtime.device import queued

FRAMES = 5


def kept_frame(max_length: int) -> int:
    """Which frame of its five the official tool keeps: it slides windows of `max_length` frames, keeps the
    result at index max_length // 2, and its network cuts every window into fives."""
    return (max_length // 2) % FRAMES


def draw_weights(alpha: Tensor, generator: torch.Generator) -> Tensor:
    """Weights of the codewords drawn from Dirichlet distributions of concentrations (n, tokens, codes).

    On the CPU, whatever device the network runs on, so that the same generator draws the same weights; each
    frame's draw follows from one number of the generator, so that it does not depend on the batch.
    """
    seeds = torch.randint(2**62, (len(alpha),), generator=generator).tolist()
    shares = np.stack(
        [
            np.random.Generator(np.random.PCG64(seed)).standard_gamma(frame)
            for seed, frame in zip(seeds, alpha.double().cpu().numpy(), strict=True)
        ]
    )
    shares /= shares.sum(-1, keepdims=True)
    return queued(torch.from_numpy(shares).float(), alpha.device)


class DicFacePredictor(Predictor):
    """Restores each frame from a window of five frames.

    Options: sample (the mean of the code weights, or a random draw), protocol and max_length (where the frame
    stands in its window), task (which checkpoint).
    """

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """InputError for a `max_length` that centred windows cannot have."""
        length, official = int(options["max_length"]), options["protocol"] == "official"
        if not official and length not in (FRAMES, card.options["max_length"].default):
            raise InputError(
                f"dicface: max_length={length} belongs to the official protocol, centred windows have "
                f"{FRAMES} frames; write dicface[protocol=official,max_length={length}]"
            )
        self.keep = kept_frame(length if official else FRAMES)
        context = max(self.keep, FRAMES - 1 - self.keep)
        super().__init__(card.model_copy(update={"context": context, "overlap": 2 * context}), options)

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """`weights["net"]`: the official file of the task."""
        super().load(weights, device)
        content = read_checkpoint(weights["net"])  # first: a bad file is refused before a network is made
        net = DicFace(FRAMES)
        load_checkpoint(net, content, where=str(weights["net"]))
        self.net = ready(net, device, self.profile)

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """One window of the harness (T, 3, h, w) in [0, 1] -> (T, 3, H, W), whole grey levels."""

        def choose(alpha: Tensor) -> Tensor:
            drawn = self.options["sample"] == "draw"
            return draw_weights(alpha, generator) if drawn else mean_weights(alpha)

        faces = resize_faces(frames, self.net.side)
        out = self.net.restore(faces * 2 - 1, self.keep, choose=choose, batch=self.card.batch)
        restored = to_levels((out.float() + 1) / 2) / 255
        if self.options["task"] == "bfr":
            restored = torch.where(is_grey(faces)[:, None, None, None], to_grey(restored), restored)
        return fit_result(restored, self.clip.out_height, self.clip.out_width)
