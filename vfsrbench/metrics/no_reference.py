"""Metrics that look at the restored frames alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.functional.niqe import niqe
from vfsrbench.metrics.pixels import check_frames, scored_frames


class Niqe(Metric):
    """NIQE of each frame; NaN where fewer than two blocks of 96x96 pixels fit."""

    threaded = True

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        return np.array([niqe(frame) for frame in scored_frames(restored)])
