"""Scores of clips at hand as a table: a row a frame, the values of clips beside it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vfsrbench.card import MetricCard
from vfsrbench.scoring.clip_pairs import ClipPair, check_usable, many_pairs, one_pair
from vfsrbench.scoring.direct import DirectScorer, Features
from vfsrbench.scoring.scores import Scores

if TYPE_CHECKING:
    import pandas as pd


def score_table(scorer: DirectScorer, restored: Any, gt: Any, landmarks: Any) -> pd.DataFrame:
    """The table that `vfsrbench.score` returns; see there."""
    pairs = many_pairs(restored, gt, landmarks)
    check_usable(scorer.cards, gt is not None, pairs is not None)
    if pairs is not None:
        table = _of_many(scorer, pairs)
        unavailable = table.attrs["unavailable"]
    else:
        pair = one_pair(restored, gt, landmarks)
        table = _of_one(scorer, pair)
        unavailable = {pair.name: table.attrs["unavailable"]}
    for clip, reasons in unavailable.items():
        for metric_id, reason in reasons.items():
            warnings.warn(
                f"clip {clip!r} has no {metric_id}: {reason}", stacklevel=3
            )  # the caller of `score`
    return table


def _of_one(scorer: DirectScorer, pair: ClipPair) -> pd.DataFrame:
    scores, _ = scorer.score(pair.restored, pair.gt, pair.landmarks)
    table = _rows(scorer.cards, pair, scores)
    table.attrs = {
        "clip": _asked(scorer.cards, scores.clip_values),
        "missing": _asked(scorer.cards, scores.missing),
        "unavailable": _asked(scorer.cards, scores.unavailable),
        "finder": _asked(scorer.cards, scorer.found_by(pair.landmarks)),
        "cropped": _cropped(scorer, pair),
    }
    return table


def _cropped(scorer: DirectScorer, pair: ClipPair) -> str:
    """What was kept of the ground truth; empty where all of it was."""
    return str(scorer.crop(pair.restored, pair.gt) or "")


def _of_many(scorer: DirectScorer, pairs: Sequence[ClipPair]) -> pd.DataFrame:
    import pandas as pd

    tables: list[pd.DataFrame] = []
    clips: dict[str, dict[str, Any]] = {}
    missing: dict[str, dict[str, Any]] = {}
    unavailable: dict[str, dict[str, Any]] = {}
    finders: dict[str, dict[str, Any]] = {}
    crops: dict[str, str] = {}
    features: dict[str, list[Features]] = {}
    for pair in pairs:
        scores, found = scorer.score(pair.restored, pair.gt, pair.landmarks)
        rows = _rows(scorer.cards, pair, scores)
        rows.insert(0, "clip", pair.name)
        tables.append(rows)
        clips[pair.name] = _asked(scorer.cards, scores.clip_values)
        missing[pair.name] = _asked(scorer.cards, scores.missing)
        unavailable[pair.name] = _asked(scorer.cards, scores.unavailable)
        finders[pair.name] = _asked(scorer.cards, scorer.found_by(pair.landmarks))
        crops[pair.name] = _cropped(scorer, pair)
        for metric_id, sides in found.items():
            features.setdefault(metric_id, []).append(sides)
    table = pd.concat(tables, ignore_index=True)
    table.attrs = {
        "clips": clips,
        "missing": missing,
        "unavailable": unavailable,
        "finder": finders,
        "cropped": crops,
        "split": _over_clips(scorer, clips, features),
    }
    return table


def _over_clips(
    scorer: DirectScorer, clips: dict[str, dict[str, Any]], features: dict[str, list[Features]]
) -> dict[str, float]:
    """A value a metric over all clips, as in a board's cell; NaN where a clip has none."""
    found: dict[str, float] = {}
    for card in scorer.cards:
        if card.level == "split":
            whole = len(features.get(card.id, ())) == len(clips)
            found[card.id] = scorer.combine(card.id, features[card.id]) if whole else float("nan")
        else:
            found[card.id] = float(np.mean([values.get(card.id, np.nan) for values in clips.values()]))
    return found


def _rows(cards: Sequence[MetricCard], pair: ClipPair, scores: Scores) -> pd.DataFrame:
    import pandas as pd

    names = (pair.gt or pair.restored).frame_names[: len(pair.restored)]
    table = pd.DataFrame({"frame": range(len(names)), "name": list(names)})
    for card in cards:
        if has_frame_values(card):
            table[card.id] = scores.values.get(card.id, float("nan"))
    return table


def has_frame_values(card: MetricCard) -> bool:
    """Whether a metric has a value a frame, rather than one a clip or a split."""
    return card.level in ("frame", "pair") and card.derived is None


def _asked(cards: Sequence[MetricCard], found: dict[str, Any]) -> dict[str, Any]:
    """What was found for the metrics that were asked for, without those that they are derived from."""
    return {card.id: found[card.id] for card in cards if card.id in found}
