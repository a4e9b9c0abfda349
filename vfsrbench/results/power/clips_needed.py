"""How many clips it takes to tell two methods apart, at the spread that was seen.

scipy is imported where it is used.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vfsrbench.results.stats import paired_difference

ALPHA, POWER = 0.05, 0.8
MOST = 1_000_000
"""Beyond this number no one counts."""


def paired_power(effect: float, clips: int, alpha: float = ALPHA) -> float:
    """The chance that a two-sided paired t-test finds a difference.

    Args:
        effect: The mean difference over the standard deviation of the differences (Cohen's d_z).
        clips: How many pairs, two or more.
        alpha: The test's level.

    Returns:
        Its power, from the noncentral t distribution (Cohen, Statistical Power Analysis, 1988, ch. 2).

    Example:
        >>> round(paired_power(0.5, 34), 3)
        0.808
    """
    from scipy.special import nctdtr, stdtrit

    freedom = clips - 1
    bound = float(stdtrit(freedom, 1 - alpha / 2))
    shift = abs(effect) * math.sqrt(clips)
    return float(1 - nctdtr(freedom, shift, bound) + nctdtr(freedom, shift, -bound))


def clips_for(effect: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """The least number of clips with which a paired t-test finds such an effect with that power.

    Args:
        effect: As `paired_power` takes it; infinite where all clips differ by the same.
        alpha: The test's level.
        power: The chance to find it.

    Returns:
        The number; None where there is nothing to find, or it takes more than a million.

    Example:
        >>> clips_for(0.5), clips_for(1.0), clips_for(0.0)
        (34, 10, None)
    """
    from scipy.special import ndtri

    size = abs(effect)
    if math.isnan(size) or size == 0:
        return None
    if math.isinf(size):
        return 2
    about = ((ndtri(1 - alpha / 2) + ndtri(power)) / size) ** 2
    if about > MOST:
        return None
    clips = max(2, int(about))
    while paired_power(size, clips, alpha) < power:
        clips += 1
    while clips > 2 and paired_power(size, clips - 1, alpha) >= power:
        clips -= 1
    return clips


def clips_needed(one: NDArray[np.float64], other: NDArray[np.float64]) -> int | None:
    """How many clips it would take to tell two methods apart, if mean and spread of their differences stay as
    they are.

    Args:
        one: A value a clip.
        other: Those of the other method, clips in the same order; NaN where there is none.

    Returns:
        The number, for a paired t-test at 5 % with a power of 80 %; None where no number is enough, or fewer
        than two clips have both values.

    Example:
        >>> clips_needed(np.array([30.0, 31.0, 29.0]), np.array([29.0, 30.5, 28.5]))
        4
    """
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < 2:
        return None
    difference = paired_difference(one[both], other[both])
    spread, mean = float(difference.std(ddof=1)), float(difference.mean())
    if np.ptp(difference) == 0:
        return None if mean == 0 else 2
    return clips_for(mean / spread)
