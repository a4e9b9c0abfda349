"""How much a per-frame value wavers over a video: sigma_IDS and sigma_AKD of KEEP (ECCV 2024).

KEEP prints the standard deviation "over the entire video"; its tables fit 100 x the deviation for identity,
1 x for landmarks, a video at a time, then the mean over videos. Which of the two estimators it used is not
known: they differ by sqrt(n / (n - 1)). It is the population one here. NaN (no face) is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def video_sigma(values: ArrayLike, cap: float | None = None) -> float:
    """Population standard deviation of one video's frame values.

    Args:
        values: One value a frame, (T,); NaN is left out.
        cap: What larger values (+inf) count as.

    Returns:
        The deviation; NaN when fewer than two frames have a value: one alone cannot waver, and 0 would be
        the best value there is.
    """
    known = np.asarray(values, dtype=np.float64).ravel()
    known = known[~np.isnan(known)]
    if cap is not None:
        known = np.minimum(known, cap)
    return float(known.std()) if known.size > 1 else float("nan")
