"""One metric as a function of a restored clip and its ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError
from vfsrbench.io.clip_argument import as_clip
from vfsrbench.runtime.precision import Profile
from vfsrbench.scoring.direct import DirectScorer
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import torch


class MetricFunction:
    """A loaded metric. `card` says its unit, direction and level."""

    def __init__(self, metric_id: str, device: torch.device, profile: Profile = "strict") -> None:
        """See `vfsrbench.metric`."""
        self._scorer = DirectScorer((metric_id,), device, profile)
        self.card: MetricCard = self._scorer.cards[0]

    def __repr__(self) -> str:
        return f"MetricFunction({self.card.id!r})"

    def __call__(self, restored: Any, gt: Any = None, *, landmarks: Any = None) -> float:
        """The metric's value.

        Args:
            restored: The restored clip, in any form that `vfsrbench.score` takes; for a metric over a whole
                split (FID, say) a list of clips.
            gt: The ground truth; for a metric over a whole split a list, in the same order. None for metrics
                that need none.
            landmarks: Five points a frame of the ground truth, (T, 5, 2), in pixels, x then y.

        Returns:
            The clip's value, in the card's unit; NaN where no frame has one.

        Raises:
            InputError: The clips are wrong, or the metric has no value for such a clip.
        """
        if self.card.level == "split":
            return self._over_many(restored, gt)
        return self._scores(restored, gt, landmarks).clip_values[self.card.id]

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
        if self.card.level in ("clip", "split") or self.card.derived is not None:
            raise InputError(f"metric {self.card.id!r} has no value a frame; call it for the clip's value")
        return self._scores(restored, gt, landmarks).values[self.card.id]

    def _scores(self, restored: Any, gt: Any, landmarks: Any) -> Scores:
        truth = None if gt is None else as_clip(gt, "gt")
        found, _ = self._scorer.score(as_clip(restored, "restored"), truth, landmarks)
        reason = found.unavailable.get(self.card.id)
        if reason:
            raise InputError(f"metric {self.card.id!r}: {reason}")
        return found

    def _over_many(self, restored: Any, gt: Any) -> float:
        if not _is_list(restored) or not _is_list(gt) or len(restored) != len(gt) or not restored:
            raise InputError(
                f"metric {self.card.id!r} is one value over many clips: give two lists of clips, equally long"
            )
        features = []
        for number, (own, truth) in enumerate(zip(restored, gt, strict=True)):
            clips = as_clip(own, f"restored[{number}]"), as_clip(truth, f"gt[{number}]")
            scores, found = self._scorer.score(*clips)
            if found is None:
                raise InputError(
                    f"metric {self.card.id!r}: {scores.unavailable.get(self.card.id, 'no value')}"
                )
            features.append(found)
        return self._scorer.combine(features)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
