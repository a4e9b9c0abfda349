"""Means of metrics over demo clips, by restored version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from vfsrbench import plugins
from vfsrbench.api.clips import degrade
from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.io.clip import Clip
from vfsrbench.metric import SplitMetric, TruthInfo
from vfsrbench.runtime.precision import Profile
from vfsrbench.scoring.scorer import Scorer

YARDSTICKS = ("oracle", "bicubic")
"""Rows that every metric scores: the ground truth itself, and a plain enlargement."""
DIGITS = 5


@dataclass(frozen=True)
class Clips:
    """Clips of a data set, their first frames, and the same degraded."""

    found: Sequence[DatasetClip]
    frames: int
    gt: list[Clip]
    lq: list[Clip]

    @classmethod
    def of(cls, found: Sequence[DatasetClip], frames: int, recipe: str) -> Clips:
        gt = [clip.gt for clip in found if clip.gt is not None]
        return cls(found, frames, gt, [degrade(clip, recipe) for clip in gt])

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(clip.name for clip in self.found)


@dataclass
class Scores:
    """(metric, row) -> mean over the clips, or the value over all; metric -> why it has none."""

    means: dict[tuple[str, str], float] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)


def scores_of(
    metrics: Sequence[str],
    clips: Clips,
    restored: Mapping[str, Sequence[Clip]],
    device: torch.device,
    profile: Profile,
) -> Scores:
    """Score every row's clips; values that are not finite are left out."""
    rows = list(restored)
    scorer = Scorer(metrics, plugins.metrics(), device, profile)
    values: dict[tuple[str, str], list[float]] = {}
    features: dict[tuple[str, str], list[tuple[Any, Any]]] = {}
    unavailable = {metric: scorer.unavailable[metric] for metric in metrics if metric in scorer.unavailable}
    for number, (clip, gt) in enumerate(zip(clips.found, clips.gt, strict=True)):
        info = TruthInfo(clip.name, gt.digest(), len(gt), gt.fps, clip.landmarks, exact_flow=clip.exact_flow)
        found, truth = scorer.score(gt, info, [restored[row][number] for row in rows])
        for row, scores in zip(rows, found, strict=True):
            for metric, value in scores.clip_values.items():
                values.setdefault((metric, row), []).append(value)
            for metric, own in scores.features.items():
                features.setdefault((metric, row), []).append((own, truth[metric]))
            unavailable |= scores.unavailable
    means = {key: float(np.nanmean(of)) for key, of in values.items() if not np.isnan(of).all()}
    for (metric, row), pairs in features.items():
        chosen = scorer.metrics[metric]
        assert isinstance(chosen, SplitMetric)
        both = chosen.combine([own for own, _ in pairs], [gt for _, gt in pairs])
        means[metric, row] = float(both.get("value", np.nan))
    wanted = {key: value for key, value in means.items() if key[0] in metrics and np.isfinite(value)}
    return Scores({key: float(f"{value:.{DIGITS}g}") for key, value in wanted.items()}, unavailable)
