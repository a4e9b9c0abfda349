"""How much a per-frame value wavers over a video: sigma_IDS and sigma_AKD of KEEP (ECCV 2024) and variants.

KEEP prints the standard deviation "over the entire video"; its tables fit 100 x the deviation for identity,
1 x for landmarks, a video at a time, then the mean over videos. Which of the two estimators it used is not
known: they differ by sqrt(n / (n - 1)). The population one is the default here. NaN (no face) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

IDENTITY_FACTOR = 100.0


def video_sigma(values: ArrayLike, sample: bool = False) -> float:
    """Standard deviation of one video's frame values, (T,). sample: divide by n - 1, not by n. NaN when
    too few values are known (1, or 2 for the sample estimator)."""
    known = _known(values)
    if len(known) < (2 if sample else 1):
        return float("nan")
    return float(known.std(ddof=int(sample)))


def mean_video_sigma(videos: Iterable[ArrayLike], factor: float = 1.0, sample: bool = False) -> float:
    """`factor` times the mean over videos of `video_sigma`; videos without a value are left out."""
    sigmas = _known([video_sigma(values, sample) for values in videos])
    return factor * float(sigmas.mean()) if len(sigmas) else float("nan")


def pooled_sigma(videos: Iterable[ArrayLike]) -> float:
    """The deviation of all frames of all videos together: mixes how videos differ into how each wavers."""
    return video_sigma(np.concatenate([_known(values) for values in videos] or [np.empty(0)]))


def neighbour_change(values: ArrayLike) -> float:
    """Mean |value(t) - value(t - 1)| of one video, over pairs of frames that both have a value."""
    steps = _known(np.abs(np.diff(np.asarray(values, dtype=np.float64))))
    return float(steps.mean()) if len(steps) else float("nan")


def _known(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[~np.isnan(array)]
