"""A folder of restored clips against a folder of ground truth: no board, no workspace."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vfsrbench.board import FinderName
from vfsrbench.card import MetricCard
from vfsrbench.datasets.dataset import Dataset, open_dataset
from vfsrbench.datasets.layouts import find_clips
from vfsrbench.datasets.stored_outputs import open_outputs
from vfsrbench.errors import DiskError, InputError, all_of
from vfsrbench.io.names import file_name, slug
from vfsrbench.scoring.direct import DirectScorer, Features
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import torch

ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ClipScores:
    """One clip's scores: `names` of its frames, `values` a number a frame for the metrics that have one,
    `clip` the clip's own by metric; `unavailable` says why a metric has none, `cropped` which part of the
    ground truth counts, where it is not the whole."""

    names: tuple[str, ...]
    values: dict[str, list[float]]
    clip: dict[str, float]
    missing: dict[str, int]
    unavailable: dict[str, str]
    cropped: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Restored clips with their scores.

    `left_out` has the clips of the ground truth that are not scored, with the reason; `beside` the restored
    clips that have no ground truth. `means` are over the scored clips, NaN for a metric that one lacks.
    """

    cards: tuple[MetricCard, ...]
    clips: dict[str, ClipScores]
    left_out: dict[str, str]
    beside: tuple[str, ...]
    means: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many clips the ground truth has."""
        return len(self.clips) + len(self.left_out)


def evaluate_folders(
    outputs: Path,
    gt: Path,
    metrics: Sequence[str],
    *,
    clips: Sequence[str] = (),
    frames: int | None = None,
    finder: FinderName = "auto",
    multiple: int = 1,
    crop_gt: bool = False,
    device: torch.device,
    on_progress: ProgressCallback = lambda what, done, total: None,
) -> Evaluation:
    """Score what lies in a folder.

    Args:
        outputs: Restored clips: folders of pictures or videos, matched by name; or one, where `gt` is one.
        gt: The ground truth, likewise.
        metrics: Ids, in any case.
        clips: These clips of the ground truth alone.
        frames: Their first so many frames alone.
        finder: What finds the face, for metrics that ask for one.
        multiple: Crop ground truth around its centre to multiples of this, and results of the whole along.
        crop_gt: Cut ground truth to results that are smaller or shorter: top left, first frames.
        device: Where networks run.
        on_progress: Called with (clip, clips done, of how many).

    Returns:
        The scores. A clip that is missing or does not fit its ground truth is left out and named, the others
        are scored.

    Raises:
        InputError: No clip can be scored (with all reasons), a metric cannot, or nothing lies there.
    """
    truth = open_dataset("folder", gt, clips, frames)
    places = find_clips(outputs)
    scorer = DirectScorer(metrics, device, finder=finder, crop_gt=crop_gt)
    done: dict[str, ClipScores] = {}
    left_out: dict[str, str] = {}
    features: dict[str, list[Features]] = {}
    for number, found in enumerate(truth.found):
        on_progress(found.name, number, len(truth))
        one = Dataset(truth.name, truth.layout, (found,), truth.frames, truth.scale, multiple)
        try:
            (clip,) = one.clips()
            (restored,) = open_outputs(outputs, one, crop_gt=crop_gt, alone=len(truth) == 1).values()
            scores, pairs = scorer.score(restored, clip.gt, clip.landmarks)
        except DiskError:
            raise
        except InputError as error:
            left_out[found.name] = str(error)
            continue
        part = clip.cropped.in_words() if clip.cropped else str(scorer.crop(restored, clip.gt) or "")
        done[found.name] = _of_scores(scorer.cards, restored.frame_names, scores, part)
        for metric, sides in pairs.items():
            features.setdefault(metric, []).append(sides)
    if not done:
        raise all_of(left_out.values())
    known = {called for name in truth.names for called in (name, slug(name), file_name(name))}
    beside = tuple("+".join(place) for place, _ in places if not known & {place[-1], "+".join(place)})
    alone = len(truth) == len(places) == 1
    means = {card.id: _mean(card, done, features.get(card.id, []), scorer) for card in scorer.cards}
    return Evaluation(scorer.cards, done, left_out, () if alone else beside, means)


def _of_scores(
    cards: Sequence[MetricCard], names: tuple[str, ...], scores: Scores, cropped: str
) -> ClipScores:
    asked = [card.id for card in cards]

    def of_asked(found: dict[str, Any]) -> dict[str, Any]:
        return {metric: found[metric] for metric in asked if metric in found}

    values = {metric: [float(v) for v in column] for metric, column in of_asked(scores.values).items()}
    clip = {metric: float(value) for metric, value in of_asked(scores.clip_values).items()}
    return ClipScores(names, values, clip, of_asked(scores.missing), of_asked(scores.unavailable), cropped)


def _mean(
    card: MetricCard, clips: dict[str, ClipScores], features: Sequence[Features], scorer: DirectScorer
) -> float:
    """A metric's value over all scored clips, as in a board's cell; NaN where a clip has none."""
    if card.level == "split":
        return scorer.combine(card.id, features) if len(features) == len(clips) else math.nan
    return float(np.mean([scores.clip.get(card.id, math.nan) for scores in clips.values()]))
