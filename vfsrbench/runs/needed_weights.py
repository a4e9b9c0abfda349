"""Which checkpoints a run needs for its clips, and which of them are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vfsrbench.card import MetricCard, WeightUse
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.runs.jobs import ClipFacts
from vfsrbench.weights.resolve import resolve_weights

DETECTOR = "detector"
"""The role of the network that finds a face's points where a clip brings none."""
_NAMED = 3


@dataclass(frozen=True)
class NeededWeights:
    """A checkpoint and who needs it. `missing` says why it cannot be used; empty if it can."""

    name: str
    users: tuple[str, ...]
    missing: str
    why: str = ""


def needed_weights(
    uses: Sequence[MethodUse], cards: Sequence[MetricCard], clips: Sequence[ClipFacts]
) -> list[NeededWeights]:
    """The checkpoints that these methods and metrics load for these clips, in the order of their first use.

    An optional one counts where the clips need it: a detector, if one of them comes without landmarks.

    Args:
        uses: The methods of the run.
        cards: Its metrics, sources of derived ones included.
        clips: Its clips.
    """
    bare = [clip.name for clip in clips if not clip.truth.landmarks and ("", "") not in clip.problems]
    reference = any(clip.truth.reference for clip in clips)
    users: dict[str, list[str]] = {}
    optional: dict[str, bool] = {}

    def add(user: str, weights: Sequence[WeightUse]) -> None:
        for use in weights:
            if use.optional and not (use.role == DETECTOR and bare):
                continue
            users.setdefault(use.name, []).append(user)
            optional[use.name] = optional.get(use.name, True) and use.optional

    for method in uses:
        if method.method is not None:
            add(method.id, method.method.card.weights_for(dict(method.method.options)))
    for card in cards:
        if reference or not card.reference:
            add(card.id, card.weights)
    more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
    why = f"no landmarks come with {', '.join(bare[:_NAMED])}{more}"
    return [
        NeededWeights(
            name,
            tuple(dict.fromkeys(who)),
            resolve_weights([WeightUse(name=name)]).missing,
            why if optional[name] else "",
        )
        for name, who in users.items()
    ]
