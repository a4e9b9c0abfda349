"""One metric as a function of a restored clip and its ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.board import FinderName
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError
from vfsrbench.runtime.precision import Profile
from vfsrbench.scoring.clip_pairs import ClipPair, check_usable, many_pairs, one_pair
from vfsrbench.scoring.direct import DirectScorer, Features, MetricChoice
from vfsrbench.scoring.score_table import has_frame_values
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import torch


class MetricFunction:
    """A loaded metric. `card` says its unit, direction and level."""

    def __init__(
        self,
        metric: MetricChoice,
        device: torch.device,
        profile: Profile = "strict",
        finder: FinderName = "auto",
        crop_gt: bool = False,
    ) -> None:
        """See `vfsrbench.metric`."""
        self._scorer = DirectScorer((metric,), device, profile, finder, crop_gt)
        self.card: MetricCard = self._scorer.cards[0]

    def __repr__(self) -> str:
        return f"MetricFunction({self.card.id!r})"

    def __call__(self, restored: Any, gt: Any = None, *, landmarks: Any = None) -> float:
        """The metric's value.

        Args:
            restored: The restored clip, in any form that `vfsrbench.score` takes, or a list of clips (a must
                for a metric over a whole split, FID say).
            gt: The ground truth; a list in the same order where `restored` is one. None for metrics that
                need none.
            landmarks: Five points a frame of the ground truth, (T, 5, 2), in pixels, x then y; a list where
                `restored` is one.

        Returns:
            The clip's value, in the card's unit; NaN where no frame has one. For a list, the value over all
            clips: the mean over clips, or the split metric's own.

        Raises:
            InputError: The clips are wrong, or the metric has no value for such a clip.
        """
        pairs = many_pairs(restored, gt, landmarks)
        check_usable([self.card], gt is not None, pairs is not None)
        if pairs is None:
            return self._scores(one_pair(restored, gt, landmarks))[0].clip_values[self.card.id]
        scored = [self._scores(pair) for pair in pairs]
        if self.card.level == "split":
            return self._scorer.combine(self.card.id, [features[self.card.id] for _, features in scored])
        return float(np.mean([scores.clip_values[self.card.id] for scores, _ in scored]))

    def per_frame(self, restored: Any, gt: Any = None, *, landmarks: Any = None) -> NDArray[np.float64]:
        """The values of a clip's frames.

        Args:
            restored: As for a call.
            gt: As for a call.
            landmarks: As for a call.

        Returns:
            One float64 a frame; NaN where there is none. A metric of pairs has NaN for the first frame.

        Raises:
            InputError: As for a call; or the metric has no values a frame.
        """
        if not has_frame_values(self.card):
            raise InputError(f"metric {self.card.id!r} has no value a frame; call it for the clip's value")
        check_usable([self.card], gt is not None, many=False)
        scores, _ = self._scores(one_pair(restored, gt, landmarks))
        return scores.values[self.card.id]

    def _scores(self, pair: ClipPair) -> tuple[Scores, dict[str, Features]]:
        scores, features = self._scorer.score(pair.restored, pair.gt, pair.landmarks)
        reason = scores.unavailable.get(self.card.id)
        if reason:
            raise InputError(f"metric {self.card.id!r} has no value for clip {pair.name!r}: {reason}")
        return scores, features
