"""Which checkpoints a run needs for its clips, or a board for any, and which of them are here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vfsrbench.board import Board
from vfsrbench.card import MetricCard, WeightUse
from vfsrbench.faces.finding.choice import (
    DLIB,
    FINDER_ROLES,
    FINDERS,
    LANDMARKS_FILE,
    RETINAFACE,
    Finder,
    finder_weights,
    finds_points,
)
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import metric_weights, metrics
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.runs.plan import Plan
from vfsrbench.scoring.derived import with_sources
from vfsrbench.weights.resolve import resolve_weights

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


def needed_weights(plan: Plan) -> list[NeededWeights]:
    """The checkpoints that a run's methods and metrics load for its clips, in the order of their first use.

    The finder's count where one of the clips comes without landmarks.
    """
    setup, clips = plan.setup, plan.clips
    bare = [clip.name for clip in clips if clip.bare and ("", "") not in clip.problems]
    reference = any(clip.truth.reference for clip in clips)
    named = [
        (use.id, weight)
        for use in setup.methods.values()
        if isinstance(use, MethodUse)
        for weight in use.method.card.weights_for(dict(use.method.options))
    ]
    here = not finder_weights(setup.finder).missing
    finder = setup.finder if here else _to_fetch(setup.board, plan.metrics)
    named += [("alignment", use) for use in _finder(finder) if any(clip.truth.finder for clip in clips)]
    cards = [card for card in plan.metrics if reference or not card.reference]
    named += [(card.id, use) for card in cards for use in _loaded(card, finder)]
    more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
    why = f"no landmarks come with {', '.join(bare[:_NAMED])}{more}"
    return _collected(named, why if bare else "")


def board_weights(board: Board) -> list[NeededWeights]:
    """The checkpoints that a board's methods and metrics load, whatever clips it gets: also the detector for
    clips that come without landmarks.

    Raises:
        InputError: A method or metric on the board is not known.
    """
    cards = with_sources(board.metrics, metrics())
    finder = _to_fetch(board, cards)
    named = [("alignment", use) for use in _finder(finder)] if board.dataset.align else []
    for spec in board.methods:
        method = choose_method(spec)
        named += [(method.id, use) for use in method.card.weights_for(dict(method.options))]
    named += [(card.id, use) for card in cards for use in _loaded(card, finder)]
    return _collected(named, "for clips without landmarks")


def _to_fetch(board: Board, cards: Sequence[MetricCard]) -> Finder:
    """The board's finder; of `auto` the one that takes less: dlib's, where metrics load its landmarks in any
    case and no other asks for a face."""
    if board.dataset.finder != "auto":
        return board.dataset.finder
    asking = [{use.name for use in card.weights} for card in cards if finds_points(card)]
    return DLIB if asking and all(LANDMARKS_FILE in names for names in asking) else RETINAFACE


def _loaded(card: MetricCard, finder: Finder) -> list[WeightUse]:
    """The checkpoints that a metric counts on, with the finder's, which some clips need."""
    own = [use for use in metric_weights(card) if not use.optional]
    return [*own, *(_finder(finder) if finds_points(card) else ())]


def _finder(finder: Finder) -> list[WeightUse]:
    """A finder's checkpoints: none of them has to be here."""
    return [use.replace(optional=True) for use in FINDERS[finder]]


def _collected(named: Iterable[tuple[str, WeightUse]], detector: str) -> list[NeededWeights]:
    """Each checkpoint once. `detector` says why a finder's count; empty if they do not."""
    users: dict[tuple[str, ...], list[str]] = {}
    optional: dict[tuple[str, ...], bool] = {}
    files: dict[tuple[str, ...], str] = {}
    for user, use in named:
        if use.optional and not (use.role in FINDER_ROLES and detector):
            continue
        users.setdefault(use.names, []).append(user)
        optional[use.names] = optional.get(use.names, True) and use.optional
        files.setdefault(use.names, use.file)
    needed = []
    for names, who in users.items():
        found = resolve_weights([WeightUse(name=names[0], alternatives=names[1:], file=files[names])])
        absent = bool(found.missing) and not found.paths
        why = detector if optional[names] else ""
        needed.append(
            NeededWeights(names, tuple(dict.fromkeys(who)), found.missing, why, found.extra, absent)
        )
    return needed
