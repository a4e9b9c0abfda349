"""Average keypoint distance: how far the restored face's landmarks lie from the ground truth's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric, TruthInfo, Values, Window
from vfsrbench.metrics.estimators.dense_landmarks import Points, point_finder
from vfsrbench.metrics.estimators.face_landmarks import GtPoints, five_finder
from vfsrbench.metrics.estimators.reference_cache import cached, fingerprint
from vfsrbench.metrics.functional.landmark_distance import mean_l2, mean_relative_l2
from vfsrbench.metrics.pixels import check_frames, check_pair


class KeypointDistance(Metric):
    """Mean Euclidean distance of the points in pixels, or with `params.relative` in widths and heights of the
    picture. `params.detector` names the network, role `points` its file."""

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.detector = str(card.params["detector"])
        self.relative = bool(card.params.get("relative", False))

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["points"]
        self.finder = point_finder(self.detector, path, device, self.profile)
        self.runs_on = self.finder.runs_on
        self.faces = GtPoints(five_finder(self, weights, device))
        facts = (self.detector, self.profile, device.type, self.runs_on)
        self.key = fingerprint(__name__, *facts, self.weight_digest(weights, "points"))

    def unfit(self, gt: TruthInfo) -> str:
        return self.faces.unfit(gt) if self.finder.needs_face else ""

    def prepare(self, gt: Window) -> Points:
        check_frames(gt)
        source = ""
        if self.finder.needs_face:
            self.faces.prepare(gt)
            source = self.faces.depends_on(gt)
        return cached(gt, f"points-{self.key}-{source}", lambda: self._points(gt, gt))

    def score(self, restored: Window, gt: Window, state: Points) -> Values:
        check_pair(restored, gt)
        found = self._points(restored, gt)
        if not self.relative:
            return mean_l2(found, state)
        height, width = gt.frames.shape[1:3]
        return mean_relative_l2(found, state, height, width)

    def _points(self, window: Window, gt: Window) -> Points:
        """(n, K, 2) of the scored frames; NaN where no face is known."""
        frames = list(window.scored)
        found = np.full((len(frames), self.finder.count, 2), np.nan)
        known = np.arange(len(frames))
        faces = None
        if self.finder.needs_face:
            faces = self.faces.of(gt, frames)
            known = np.flatnonzero(np.isfinite(faces).all(axis=(1, 2)))
            faces = faces[known]
        if len(known):
            found[known] = self.finder.find(window, [frames[i] for i in known], faces)
        return found
