"""Which checkpoints a run needs for its clips, or a board for any, and which of them are here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vfsrbench.board import Board
from vfsrbench.card import MetricCard, WeightUse
from vfsrbench.faces.face_tools import FINDER
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import metrics
from vfsrbench.restoration.method_use import MethodUse, Row
from vfsrbench.runs.jobs import ClipFacts
from vfsrbench.scoring.derived import with_sources
from vfsrbench.weights.resolve import resolve_weights

DETECTOR = "detector"
"""The role of the network that finds a face's points where a clip brings none."""
_NAMED = 3


@dataclass(frozen=True)
class NeededWeights:
    """A checkpoint and who needs it; of several `names` one is enough, the first is preferred.

    `missing` says why it cannot be used; empty if it can. `extra` is the installation extra with the library
    that reads it, where that is not installed; `absent`: the file itself has to be fetched.
    """

    names: tuple[str, ...]
    users: tuple[str, ...]
    missing: str
    why: str = ""
    extra: str = ""
    absent: bool = False

    @property
    def name(self) -> str:
        """The checkpoint's name; alternatives are joined by "or"."""
        return " or ".join(self.names)


def needed_weights(
    uses: Sequence[Row], cards: Sequence[MetricCard], clips: Sequence[ClipFacts]
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
    named = [
        (use.id, weight)
        for use in uses
        if isinstance(use, MethodUse)
        for weight in use.method.card.weights_for(dict(use.method.options))
    ]
    named += [(card.id, use) for card in cards if reference or not card.reference for use in _loaded(card)]
    more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
    why = f"no landmarks come with {', '.join(bare[:_NAMED])}{more}"
    return _collected(named, why if bare else "")


def board_weights(board: Board) -> list[NeededWeights]:
    """The checkpoints that a board's methods and metrics load, whatever clips it gets: also the detector for
    clips that come without landmarks.

    Raises:
        InputError: A method or metric on the board is not known.
    """
    named = [("alignment", WeightUse(name=FINDER, role=DETECTOR))] if board.dataset.align else []
    for spec in board.methods:
        method = choose_method(spec)
        named += [(method.id, use) for use in method.card.weights_for(dict(method.options))]
    named += [(card.id, use) for card in with_sources(board.metrics, metrics()) for use in _loaded(card)]
    return _collected(named, "for clips without landmarks")


def _loaded(card: MetricCard) -> list[WeightUse]:
    """The checkpoints that a metric counts on: one with a finder of its own can do without the detector."""
    return [use for use in card.weights if not (use.optional and card.params.get("finder"))]


def _collected(named: Iterable[tuple[str, WeightUse]], detector: str) -> list[NeededWeights]:
    """Each checkpoint once. `detector` says why optional detectors count; empty if they do not."""
    users: dict[tuple[str, ...], list[str]] = {}
    optional: dict[tuple[str, ...], bool] = {}
    for user, use in named:
        if use.optional and not (use.role == DETECTOR and detector):
            continue
        users.setdefault(use.names, []).append(user)
        optional[use.names] = optional.get(use.names, True) and use.optional
    needed = []
    for names, who in users.items():
        found = resolve_weights([WeightUse(name=names[0], alternatives=names[1:])])
        absent = bool(found.missing) and not found.paths
        why = detector if optional[names] else ""
        needed.append(
            NeededWeights(names, tuple(dict.fromkeys(who)), found.missing, why, found.extra, absent)
        )
    return needed
