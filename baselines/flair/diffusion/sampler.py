"""FLAIR's reverse diffusion over one window: eq. 3, the two corrections (eqs. 9 and 12), the step of eq. 9.

Frames are (n, 3, h, w) in [-1, 1]. All randomness comes from the caller, as a function that draws fresh
standard normal frames. Golden traces: tests/parity/flair_sampler.json.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from tqdm import tqdm

from baselines.flair.diffusion.schedule import Schedule

Draw = Callable[[], Tensor]
Change = Callable[[Tensor], Tensor]
Predict = Callable[[Tensor, int], Tensor]
"""x_t and the step's index -> the noise in it."""


@dataclass(frozen=True)
class Walk:
    """How the steps are taken. `gammas` and `keeps` are by index (see `schedule`); `rho` is the share of
    fresh noise, 0 for none; enhancement is left out below index `tau`; `start` is the first index taken,
    the schedule's last if None."""

    schedule: Schedule
    gammas: tuple[float, ...]
    keeps: tuple[float, ...]
    rho: float
    tau: int = 5
    start: int | None = None

    @property
    def first(self) -> int:
        return len(self.schedule) - 1 if self.start is None else self.start


def noised(frames: Tensor, walk: Walk, draw: Draw) -> Tensor:
    """Where the walk begins: the enlarged degraded frames with the noise of its first step (eq. 1)."""
    alpha_bar = walk.schedule.alpha_bar[walk.first]
    return math.sqrt(alpha_bar) * frames + math.sqrt(1 - alpha_bar) * draw()


def sample(
    x: Tensor,
    walk: Walk,
    predict: Predict,
    draw: Draw,
    correction: Change | None = None,
    enhance: Change | None = None,
    known: Tensor | None = None,
    watch: Callable[[int, Tensor, Tensor], None] | None = None,
    label: str = "",
) -> Tensor:
    """The restored frames, from `x` of the walk's first step.

    `correction` is the data-consistency term that gamma_t scales (eq. 9), `enhance` gives the frames with
    enhanced faces (G with its mask, eq. 12). `known`: what the window before made of this window's first
    frames; every step takes it over. `watch` is called with index, estimate and sample of each step. `label`
    is shown by the progress bar, which only appears on a terminal.
    """
    indices = range(walk.first, -1, -1)
    for index in tqdm(indices, desc=label, unit="step", leave=False, disable=None):
        alpha_bar, before = walk.schedule.alpha_bar[index], walk.schedule.alpha_bar_before(index)
        signal, spread = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        clean = ((x - spread * predict(x, index)) / signal).clamp(-1, 1)
        if correction is not None:
            clean = (clean - walk.gammas[index] * correction(clean)).clamp(-1, 1)
        if enhance is not None and index >= walk.tau:
            clean = clean.lerp(enhance(clean).clamp(-1, 1), 1 - walk.keeps[index])
        if known is not None:
            clean[: len(known)] = known
        if index:
            residue = (x - signal * clean) / spread  # the noise that this estimate leaves
            mixed = math.sqrt(1 - walk.rho) * residue + math.sqrt(walk.rho) * draw()
            x = math.sqrt(before) * clean + math.sqrt(1 - before) * mixed
        else:
            x = clean
        if watch is not None:
            watch(index, clean, x)
    return x
