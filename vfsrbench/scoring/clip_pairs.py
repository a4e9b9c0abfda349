"""Restored clips and their ground truth, as callers of the public API give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, counted
from vfsrbench.io.clip import Clip
from vfsrbench.io.clip_argument import as_clip, as_clips


@dataclass(frozen=True)
class ClipPair:
    """A restored clip, its ground truth and the ground truth's landmarks, where there are any."""

    restored: Clip
    gt: Clip | None
    landmarks: Any = None

    @property
    def name(self) -> str:
        """The clip's name: that of its ground truth, as on a board."""
        return (self.gt or self.restored).name


def one_pair(restored: Any, gt: Any, landmarks: Any) -> ClipPair:
    """The pair that the arguments of a call stand for. InputError names the argument that is wrong."""
    return ClipPair(as_clip(restored, "restored"), None if gt is None else as_clip(gt, "gt"), landmarks)


def many_pairs(restored: Any, gt: Any, landmarks: Any) -> list[ClipPair] | None:
    """The pairs where `restored` is a list of clips; None where it is one clip.

    Raises:
        InputError: An entry is no clip, `gt` or `landmarks` are no lists of that length, or two clips have
            one name.
    """
    clips = as_clips(restored, "restored")
    if clips is None:
        return None
    truths: Sequence[Clip | None] = [None] * len(clips)
    if gt is not None:
        truths = as_clips(gt, "gt") or []
        if len(truths) != len(clips):
            raise InputError(f"gt: give a list of {counted(len(clips), 'clip')}, in the order of restored")
    points = [None] * len(clips) if landmarks is None else landmarks
    if not isinstance(points, list | tuple) or len(points) != len(clips):
        raise InputError(f"landmarks: give a list of {len(clips)}, one entry (T, 5, 2) or None a clip")
    pairs = [ClipPair(*sides) for sides in zip(clips, truths, points, strict=True)]
    names: set[str] = set()
    for pair in pairs:
        if pair.name in names:
            raise InputError(f"two clips are called {pair.name!r}; open one as Clip.open(path, name=...)")
        names.add(pair.name)
    return pairs


def check_usable(cards: Sequence[MetricCard], has_gt: bool, many: bool) -> None:
    """InputError unless these metrics can be had of such clips."""
    for card in cards:
        if card.level == "split" and not many:
            raise InputError(
                f"metric {card.id!r} is one value over many clips: give restored and gt as lists of clips"
            )
        if card.reference and not has_gt:
            raise InputError(f"metric {card.id!r} compares with the ground truth; give gt")
