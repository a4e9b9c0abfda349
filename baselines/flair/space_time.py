"""Space-time restoration (FLAIR, section 5.4 and Table 4): frames are made as well as restored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.flair.adapter import FlairPredictor
from baselines.flair.interpolate import Interpolator, filled_in, find_interpolator
from vfsrbench.card import MethodCard, Value
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.windows import method_windows

WINDOW, OVERLAP = 10, 3
ORDERS = ("interpolate-restore", "restore-interpolate")
OWN = ("factor", "order", "interpolator")


def space_time(
    frames: Tensor, factor: int, order: str, interpolate: Interpolator, restore: Callable[[Tensor], Tensor]
) -> Tensor:
    """Degraded frames (n, 3, h, w) in [0, 1] -> ((n - 1) factor + 1, 3, H, W).

    `order`: new frames are made of the degraded ones and all are restored (AMT + FLAIR in Table 4), or they
    are made of the restored ones (FLAIR + AMT).
    """
    if order == ORDERS[0]:
        return restore(filled_in(frames, factor, interpolate))
    return filled_in(restore(frames), factor, interpolate)


class FlairSpaceTime(Predictor):
    """Sees every `factor`-th frame of a clip and gives all of them back, so that any split can score it.

    Frames after the last one seen repeat it. Options: factor, order, interpolator, and FLAIR's own.
    """

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """InputError when the interpolator is not there."""
        super().__init__(card, options)
        self.interpolate = find_interpolator(str(options["interpolator"]))
        windowed = card.model_copy(update={"window": WINDOW, "overlap": OVERLAP})
        self.flair = FlairPredictor(windowed, {k: v for k, v in options.items() if k not in OWN})
        self.net: Any = None

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """FLAIR's roles."""
        super().load(weights, device)
        self.flair.profile = self.profile
        self.flair.load(weights, device)

    def start_clip(self, info: ClipInfo) -> None:
        """FLAIR's network for the clip is loaded here, not while it is restored."""
        super().start_clip(info)
        self.flair.start_clip(info)
        self.net = self.flair.net

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """A whole clip (T, 3, h, w) in [0, 1] -> (T, 3, H, W)."""
        factor, order = int(self.options["factor"]), str(self.options["order"])

        def restored(seen: Tensor) -> Tensor:
            return self._restored(seen, generator)

        made = space_time(frames[::factor], factor, order, self.interpolate, restored)[: len(frames)]
        return torch.cat([made, made[-1:].expand(len(frames) - len(made), -1, -1, -1)])

    def _restored(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """FLAIR in its windows, each with random numbers of its own."""
        info: ClipInfo = replace(self.clip, frames=len(frames))
        self.flair.start_clip(info)
        parts = []
        for span in method_windows(len(frames), WINDOW, OVERLAP):
            seed = int(torch.randint(2**62, (1,), generator=generator))
            window = frames[span.start : span.stop]
            out = self.flair.restore(window, torch.Generator().manual_seed(seed))
            parts.append(out[span.keep_from - span.start : span.keep_to - span.start])
        return torch.cat(parts)
