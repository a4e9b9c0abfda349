"""FLAIR's numbers by step: noise levels, and the weights of its two corrections.

Steps are counted as the released code counts them: index 0 is the last one taken, `len(schedule) - 1` the
first. Golden tables: tests/parity/flair_sampler.json.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from degradations.errors import InputError, did_you_mean

BASE = {"bicubic": (1e-6, 1e-2, 2000), "blur": (1e-4, 2e-2, 1000)}
"""The training's noise: first and last beta, and how many (linear in between), by network."""
LARGE, CUT = 0.991, 1.0
SMALL, NEGLIGIBLE = 1e-6, 0.1
GAMMAS = ("official", "unit")


@dataclass(frozen=True)
class Schedule:
    """K of the training's steps. `steps` are their numbers in it, `alpha_bar` what is left of the signal's
    power there (eq. 1); both by index."""

    steps: tuple[int, ...]
    alpha_bar: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def alpha_bar_before(self, index: int) -> float:
        """alpha_bar of the step that is taken next; 1 after the last one."""
        return self.alpha_bar[index - 1] if index else 1.0


@lru_cache(maxsize=32)
def make_schedule(network: str, count: int = 100) -> Schedule:
    """`count` steps (K), evenly over the training's steps of `network`, its first and last among them.

    Positions are added up step by step in float64 and rounded to even, as guided-diffusion does it.
    """
    if network not in BASE:
        raise did_you_mean("FLAIR network", network, BASE)
    first, last, total = BASE[network]
    if not 2 <= count <= total:
        raise InputError(f"FLAIR takes 2 to {total} steps, got {count}")
    alpha_bar = np.cumprod(1.0 - np.linspace(first, last, total, dtype=np.float64))
    stride, position, steps = (total - 1) / (count - 1), 0.0, []
    for _ in range(count):
        steps.append(round(position))
        position += stride
    return Schedule(tuple(steps), tuple(float(alpha_bar[step]) for step in steps))


def consistency_weights(
    schedule: Schedule, noise: float, zeta: float | None = 1.0, scale: str = "official"
) -> tuple[float, ...]:
    """gamma_t of eq. 9 by index: how much of the data-consistency correction is taken.

    `noise`: the degradation's, in grey levels of 255; `zeta` None (the bicubic demos): 1 throughout.
    gamma = 1 - zeta noise^2 / (noise-to-signal power of x_t), cut to 0.009 where that is negative and to
    almost 1 where it is above 0.9. The released code sets `noise` in grey levels against frames in [-1, 1],
    so that late steps take next to nothing; with `scale` "unit" it is in units of the full range.
    """
    if scale not in GAMMAS:
        raise did_you_mean("scale of gamma", scale, GAMMAS)
    if zeta is None:
        return (1.0,) * len(schedule)
    level = noise if scale == "official" else noise / 255
    weights = []
    for alpha_bar in schedule.alpha_bar:
        share = zeta * level**2 * alpha_bar / (1 - alpha_bar)
        if share >= CUT:
            share = LARGE
        elif share <= NEGLIGIBLE:
            share = SMALL
        weights.append(1 - share)
    return tuple(weights)


def keep_weights(count: int, keep: float, tau: int, start: int | None = None) -> tuple[float, ...]:
    """The share of FLAIR's own estimate in eq. 12 by index: the paper's w_t is one minus it.

    `keep` at index `tau`, rising to 1 at index `start` (default: the first step taken), 1 below `tau`.
    """
    start = count - 1 if start is None else start
    weights = [1.0] * count
    if start <= tau:
        return (*weights[:tau], *[keep] * (count - tau))
    span, floor = start - tau, math.exp(-1.0)
    for index in range(tau, start + 1):
        fall = (math.exp(-(index - tau) / span) - floor) / (1 - floor)
        weights[index] = 1 - (1 - keep) * fall
    return tuple(weights)
