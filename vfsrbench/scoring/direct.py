"""Scoring clips at hand, without a board, a data set or a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.board import FinderName
from vfsrbench.card import MetricCard
from vfsrbench.datasets.crop import Crop, crop_to, cropped_truth
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.faces.finding.choice import chosen_finder
from vfsrbench.io.clip import Clip
from vfsrbench.io.clip_argument import check_same
from vfsrbench.metric import Metric, SplitMetric, TruthInfo
from vfsrbench.plugins import Entry, Registry, metrics
from vfsrbench.runtime.precision import Profile, check_profile
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import torch

MetricChoice = str | Metric
"""A metric's id, or an object of the caller's own."""
Features = tuple[NDArray[np.float32], NDArray[np.float32]]


class DirectScorer:
    """Metrics, loaded once, for any number of pairs of clips."""

    def __init__(
        self,
        chosen: MetricChoice | Sequence[MetricChoice],
        device: torch.device,
        profile: Profile = "strict",
        finder: FinderName = "auto",
        crop_gt: bool = False,
    ) -> None:
        """Load the metrics.

        Args:
            chosen: Ids of metrics (`vfsrbench list metrics`), `Metric` objects, or a single one of these.
            device: Where networks run.
            profile: `strict` is float32; `fast` allows TF32 and bfloat16.
            finder: What finds the face on ground truth without landmarks.
            crop_gt: Whether ground truth is cut to restored clips that are smaller or shorter.

        Raises:
            InputError: An id is not known, a metric cannot be loaded, or its weights are not here.
        """
        known = metrics()
        self._crop_gt = crop_gt
        ids = [_known_id(one, known) for one in _listed(chosen)]
        self.cards: tuple[MetricCard, ...] = tuple(known[m].card for m in dict.fromkeys(ids))
        ids = [card.id for card in self.cards]
        chosen_by = chosen_finder(finder)
        self._scorer = Scorer(ids, known, device, check_profile(profile), finder=chosen_by)
        for metric_id, reason in self._scorer.unavailable.items():
            raise InputError(f"metric {metric_id!r} cannot be used: {reason}")

    def found_by(self, landmarks: Any) -> dict[str, str]:
        """What found the face for each metric, on ground truth that came with these landmarks."""
        return {} if landmarks is not None else {m: f for m, f in self._scorer.finders.items() if f}

    def score(
        self, restored: Clip, gt: Clip | None, landmarks: Any = None
    ) -> tuple[Scores, dict[str, Features]]:
        """Scores of one clip.

        Args:
            restored: The restored clip.
            gt: The ground truth, the same frames at the same size; None scores by metrics that need none.
            landmarks: Five points a frame of the ground truth, (T, 5, 2), pixels, x then y.

        Returns:
            The scores, and the features (restored, ground truth) of each split metric.

        Raises:
            InputError: The clips do not fit, or the landmarks; or memory ran out.
        """
        crop = self.crop(restored, gt)
        if gt is not None and crop is None:
            check_same(restored, gt)
        truth = restored if gt is None else gt
        points = _checked(landmarks, len(truth))
        digest = truth.digest()
        info = TruthInfo(truth.name, digest, len(truth), truth.fps, points, reference=gt is not None)
        if crop is not None:
            truth, info = cropped_truth(truth, info, crop)
        try:
            (scores,), truth_features = self._scorer.score(truth, info, [restored])
        except JobFailure as failure:
            raise InputError(f"clip {truth.name!r} cannot be scored: {failure.reason}") from failure
        pairs = {m: (own, truth_features[m]) for m, own in scores.features.items() if m in truth_features}
        return scores, pairs

    def crop(self, restored: Clip, gt: Clip | None) -> Crop | None:
        """What of the ground truth a smaller restored clip is compared with; None where nothing is cut."""
        return crop_to(restored, gt, "restored") if gt is not None and self._crop_gt else None

    def combine(self, metric_id: str, features: Sequence[Features]) -> float:
        """The value of a split metric over these clips' features."""
        metric = self._scorer.metrics[metric_id]
        assert isinstance(metric, SplitMetric)
        found: Mapping[str, float] = metric.combine([own for own, _ in features], [gt for _, gt in features])
        return float(found.get("value", np.nan))


@dataclass(frozen=True)
class _Own(Entry[MetricCard]):
    """A metric object of the caller's."""

    metric: Metric | None = None

    def build(self, *arguments: Any) -> Metric | None:
        return self.metric


def _listed(chosen: object) -> list[MetricChoice]:
    given: list[Any] = list(chosen) if isinstance(chosen, list | tuple | set | frozenset) else [chosen]
    for one in given:
        if not isinstance(one, MetricChoice):
            raise InputError(f"metrics: give ids such as 'psnr', or Metric objects; got {type(one).__name__}")
    if not given:
        raise InputError("metrics: give at least one id, such as 'psnr'; `vfsrbench list metrics` has all")
    return given


def _known_id(one: MetricChoice, known: Registry[MetricCard]) -> str:
    if isinstance(one, str):
        return known[known.named(one)].card.id
    known.entries[one.card.id] = _Own(one.card, Path("<object>"), metric=one)
    return one.card.id


def _checked(landmarks: Any, frames: int) -> NDArray[np.float64] | None:
    if landmarks is None:
        return None
    try:
        points = np.asarray(landmarks, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"landmarks: must be numbers (T, 5, 2), got {type(landmarks).__name__}") from None
    if points.shape != (frames, 5, 2):
        raise InputError(f"landmarks: must be (T, 5, 2) with T = {frames}, got {points.shape}")
    return points
