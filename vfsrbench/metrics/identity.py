"""Identity: how much a restored face is still the same person, frame by frame and over time.

A face is cut out by one similarity transform from the ground truth's five points (those that came with the
clip, or else found in it once), the same for both pictures (`align = "truth"`); or each picture by the
points that a detector finds in it (`align = "own"`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.metric import Metric, TruthInfo, Values, Window
from vfsrbench.metrics.estimators.face_embedder import face_embedder
from vfsrbench.metrics.estimators.face_landmarks import GtPoints, five_finder
from vfsrbench.metrics.estimators.reference_cache import cached, fingerprint
from vfsrbench.metrics.functional.identity import (
    cosine,
    distance,
    global_similarity,
    neighbour_distances,
    unit,
)
from vfsrbench.metrics.pixels import check_frames, check_pair

Embeddings = NDArray[np.float32]


class _IdentityMetric(Metric):
    """What all identity columns share: embeddings of frames, found once a window for all of them.

    `params.backend` names the network (role `recognizer`), `params.align` whose points are used. Role
    `detector`: RetinaFace, for a picture's own points, and for clips that come without any.
    """

    def __init__(self, card: MetricCard) -> None:
        super().__init__(card)
        self.backend = str(card.params["backend"])
        self.align = str(card.params.get("align", "truth"))

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        self.embedder = face_embedder(self.backend, weights, device, self.profile)
        self.runs_on = self.embedder.runs_on
        self.points = GtPoints(five_finder(self, weights, device))
        files = [self.weight_digest(weights, role) for role in ("recognizer", "points")]
        place = (self.profile, device.type, self.runs_on)
        self.key = fingerprint(__name__, self.backend, self.align, *place, *files)

    def unfit(self, gt: TruthInfo) -> str:
        return self.points.unfit(gt)

    def embeddings(self, window: Window, gt: Window, first: int) -> Embeddings:
        """(n, D) raw embeddings of frames `first` to the window's last; NaN where no face is known.

        gt: the ground truth's window, whose points are used (it may be the window itself).
        """
        known: dict[int, Embeddings] = window.memo(("embeddings", self.key), dict)
        wanted = range(first, window.scored.stop)
        missing = [frame for frame in wanted if frame not in known]
        if missing:
            known.update(zip(missing, self._embed(window, gt, missing), strict=True))
        return np.array([known[frame] for frame in wanted], np.float32).reshape(-1, self.embedder.dimensions)

    def gt_embeddings(self, gt: Window) -> Embeddings:
        """The ground truth's, for the scored frames; kept between runs."""
        if self.align == "own":
            assert self.points.own is not None
            source = self.points.own.key
        else:
            self.points.prepare(gt)
            source = self.points.depends_on(gt)
        what = f"embeddings-{self.key}-{source}"
        found: Embeddings = cached(gt, what, lambda: self.embeddings(gt, gt, gt.scored.start))
        known: dict[int, Embeddings] = gt.memo(("embeddings", self.key), dict)
        known.update(zip(gt.scored, found, strict=True))
        return found

    def _embed(self, window: Window, gt: Window, frames: list[int]) -> Embeddings:
        points = self._landmarks(window, gt, frames)
        faces = np.flatnonzero(np.isfinite(points).all(axis=(1, 2)))
        found = np.full((len(frames), self.embedder.dimensions), np.nan, np.float32)
        if len(faces):
            place = window if self.align == "own" else gt
            seen = [frames[face] for face in faces]
            found[faces] = self.embedder.embed(window, place, seen, points[faces])
        return found

    def _landmarks(self, window: Window, gt: Window, frames: list[int]) -> NDArray[np.float64]:
        if self.align == "own":
            assert self.points.own is not None
            return self.points.own.of(window, frames)
        return self.points.of(gt, frames)


class IdentitySimilarity(_IdentityMetric):
    """IDS: cosine of the restored frame's embedding and the ground truth's; 1 is the same face."""

    def prepare(self, gt: Window) -> Embeddings:
        check_frames(gt)
        return self.gt_embeddings(gt)

    def score(self, restored: Window, gt: Window, state: Embeddings) -> Values:
        check_pair(restored, gt)
        return cosine(self.embeddings(restored, gt, restored.scored.start), state)


class IdentityDistance(IdentitySimilarity):
    """IDD: Euclidean distance of the raw embeddings, dlib's own measure; 0 is the same picture."""

    def score(self, restored: Window, gt: Window, state: Embeddings) -> Values:
        check_pair(restored, gt)
        return distance(self.embeddings(restored, gt, restored.scored.start), state)


class IdentityDrift(_IdentityMetric):
    """VIDD: L2 distance of the unit embeddings of neighbouring restored frames, stored at the later one."""

    def prepare(self, gt: Window) -> None:
        check_frames(gt)
        self.points.prepare(gt)

    def score(self, restored: Window, gt: Window, state: None) -> Values:
        check_pair(restored, gt)
        first = _before(restored)
        return neighbour_distances(self.embeddings(restored, gt, first))[restored.scored.start - first :]


class LocalIdentity(_IdentityMetric):
    """TL-ID (STIT): similarity of neighbouring restored frames, as a share of the ground truth's."""

    def prepare(self, gt: Window) -> Values:
        check_frames(gt)
        self.gt_embeddings(gt)
        return self._similarities(gt, gt)

    def score(self, restored: Window, gt: Window, state: Values) -> Values:
        check_pair(restored, gt)
        return np.stack([self._similarities(restored, gt), state], axis=-1)

    def _similarities(self, window: Window, gt: Window) -> Values:
        first = _before(window)
        rows = self.embeddings(window, gt, first)
        found = np.full(len(rows), np.nan)
        found[1:] = cosine(rows[1:], rows[:-1])
        return found[window.scored.start - first :]

    def finish(self, values: Values) -> float:
        both = values[~np.isnan(values).any(axis=1)]
        if not len(both):
            return float("nan")
        restored, gt = both.mean(axis=0)
        return float(restored / gt)


class GlobalIdentity(_IdentityMetric):
    """TG-ID (STIT): similarity of all pairs of restored frames, as a share of the ground truth's."""

    def prepare(self, gt: Window) -> Values:
        check_frames(gt)
        return unit(self.gt_embeddings(gt))

    def score(self, restored: Window, gt: Window, state: Values) -> Values:
        check_pair(restored, gt)
        return np.concatenate([unit(self.embeddings(restored, gt, restored.scored.start)), state], axis=1)

    def finish(self, values: Values) -> float:
        both = values[~np.isnan(values).any(axis=1)]
        half = self.embedder.dimensions
        return global_similarity(both[:, :half]) / global_similarity(both[:, half:])


def _before(window: Window) -> int:
    """The frame before the first scored one, if the clip has one."""
    first = max(window.scored.start - 1, 0)
    if first < window.start:
        raise ValueError(f"frame {window.scored.start} needs the frame before it")
    return first
