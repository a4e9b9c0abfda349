"""Average keypoint distance: how far the restored face's landmarks lie from the ground truth's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from vfsrbench.card import MetricCard
from vfsrbench.metrics.base import Metric, Values, Window
from vfsrbench.metrics.pixels import check_frames, check_pair
from vfsrbench.metrics.point_distance import mean_l2
from vfsrbench.metrics.point_finders import Points, point_finder
from vfsrbench.metrics.truth_cache import cached, fingerprint


class KeypointDistance(Metric):
    """Mean Euclidean distance of the points in pixels. `params.detector` names the network, role `points`
    its file."""

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.detector = str(card.params["detector"])

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["points"]
        self.finder = point_finder(self.detector, path, device, self.profile)
        self.key = fingerprint("points", 1, self.detector, self.profile, device.type, path)

    def prepare(self, truth: Window) -> Points:
        check_frames(truth)
        faces = self._faces(truth)
        what = f"points-{self.key}-{fingerprint(faces)}"
        return cached(truth, what, lambda: self._points(truth))

    def score(self, restored: Window, truth: Window, state: Points) -> Values:
        check_pair(restored, truth)
        return mean_l2(self._points(restored), state)

    def _points(self, window: Window) -> Points:
        """(n, K, 2) of the scored frames; NaN where no face is known."""
        frames = list(window.scored)
        found = np.full((len(frames), self.finder.count, 2), np.nan)
        faces = self._faces(window)
        known = np.arange(len(frames))
        if faces is not None:
            known = np.flatnonzero(np.isfinite(faces).all(axis=(1, 2)))
            faces = faces[known]
        if len(known):
            found[known] = self.finder.find(window, [frames[i] for i in known], faces)
        return found

    def _faces(self, window: Window) -> Points | None:
        """The ground truth's five points of the scored frames; None where the detector needs none."""
        if not self.finder.needs_face:
            return None
        landmarks = window.truth.landmarks
        if landmarks is None:
            raise ValueError(f"clip {window.truth.name!r} has no landmarks")
        return landmarks[window.scored.start : window.scored.stop]
