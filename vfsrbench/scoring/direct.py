"""Scoring clips at hand, without a board, a data set or a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.clip_argument import check_same
from vfsrbench.metric import SplitMetric, TruthInfo
from vfsrbench.plugins import choose_metric, metrics
from vfsrbench.runtime.precision import Profile
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import torch

Features = tuple[NDArray[np.float32], NDArray[np.float32]]


class DirectScorer:
    """Metrics, loaded once, for any number of pairs of clips."""

    def __init__(self, ids: Sequence[str], device: torch.device, profile: Profile = "strict") -> None:
        """Load the metrics.

        Args:
            ids: The metrics' ids (`vfsrbench list metrics`).
            device: Where networks run.
            profile: `strict` is float32; `fast` allows TF32 and bfloat16.

        Raises:
            InputError: An id is not known, a metric cannot be loaded, or its weights are not here.
        """
        if not ids:
            raise InputError(
                "metrics: give at least one id, such as 'psnr'; `vfsrbench list metrics` has all"
            )
        known = metrics()
        self.cards: tuple[MetricCard, ...] = tuple(choose_metric(m, known).card for m in dict.fromkeys(ids))
        self._scorer = Scorer([card.id for card in self.cards], known, device, profile)
        for metric_id, reason in self._scorer.unavailable.items():
            raise InputError(f"metric {metric_id!r} cannot be used: {reason}")

    def score(
        self, restored: Clip, gt: Clip | None, landmarks: NDArray[np.float64] | None = None
    ) -> tuple[Scores, Features | None]:
        """Scores of one clip.

        Args:
            restored: The restored clip.
            gt: The ground truth, the same frames at the same size; None scores by metrics that need none.
            landmarks: Five points a frame of the ground truth, (T, 5, 2), pixels, x then y.

        Returns:
            The scores, and the features (restored, ground truth) of the one split metric, if there is one.

        Raises:
            InputError: The clips do not fit, or the landmarks.
        """
        if gt is not None:
            check_same(restored, gt)
        truth = restored if gt is None else gt
        info = TruthInfo(
            truth.name,
            truth.digest(),
            len(truth),
            truth.fps,
            _checked(landmarks, len(truth)),
            reference=gt is not None,
        )
        found, truth_features = self._scorer.score(truth, info, [restored])
        (scores,) = found
        features = [(scores.features[m], truth_features[m]) for m in scores.features if m in truth_features]
        return scores, features[0] if features else None

    def combine(self, features: Sequence[Features]) -> float:
        """The value of the split metric over these clips' features."""
        metric = self._scorer.metrics[self.cards[0].id]
        assert isinstance(metric, SplitMetric)
        found = metric.combine([own for own, _ in features], [truth for _, truth in features])
        return float(found.get("value", np.nan))


def _checked(landmarks: NDArray[np.float64] | None, frames: int) -> NDArray[np.float64] | None:
    if landmarks is None:
        return None
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (frames, 5, 2):
        raise InputError(f"landmarks: must be (T, 5, 2) with T = {frames}, got {points.shape}")
    return points
