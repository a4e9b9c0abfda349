"""Which finder of five points is taken: RetinaFace where its weights are here, else dlib's.

A metric that needs the ground truth's five points names RetinaFace on its card as an optional checkpoint of
the role `detector`: that is where the finder of a run goes (`metric_uses`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from vfsrbench.board import FinderName
from vfsrbench.card import MetricCard, WeightUse
from vfsrbench.errors import did_you_mean
from vfsrbench.weights.resolve import Weights, resolve_weights

Finder = Literal["retinaface", "dlib"]
RETINAFACE: Finder = "retinaface"
DLIB: Finder = "dlib"
RETINAFACE_FILE, LANDMARKS_FILE, MMOD_FILE = "retinaface_r50", "dlib-landmarks-68", "dlib-mmod-detector"
DETECTOR, DLIB_POINTS, DLIB_DETECTOR = "detector", "finder_points", "finder_detector"
LABELS: Mapping[str, str] = {RETINAFACE: "RetinaFace", DLIB: "dlib"}
"""The finders as texts name them."""
FINDERS: Mapping[Finder, tuple[WeightUse, ...]] = {
    RETINAFACE: (WeightUse(name=RETINAFACE_FILE, role=DETECTOR),),
    DLIB: (
        WeightUse(name=LANDMARKS_FILE, role=DLIB_POINTS),
        WeightUse(name=MMOD_FILE, role=DLIB_DETECTOR, optional=True),
    ),
}
"""What each finder is loaded from; `auto` prefers the first."""
FINDER_ROLES = frozenset(use.role for uses in FINDERS.values() for use in uses)


def finder_weights(finder: Finder) -> Weights:
    """A finder's files; `missing` says why it cannot be used."""
    return resolve_weights(FINDERS[finder])


def chosen_finder(wanted: FinderName = "auto") -> Finder:
    """The finder that is taken.

    Args:
        wanted: `auto` is RetinaFace where its trained weights are here, else dlib where its landmarks and
            dlib itself are.

    Returns:
        RetinaFace where neither can be used: `finder_weights` says what is missing.

    Raises:
        InputError: There is no such finder.
    """
    if wanted not in get_args(FinderName):
        raise did_you_mean("finder", wanted, get_args(FinderName))
    if wanted != "auto":
        return wanted
    retinaface = finder_weights(RETINAFACE)
    trained = not retinaface.missing and not retinaface.untrained
    return RETINAFACE if trained or finder_weights(DLIB).missing else DLIB


def why_no_finder(wanted: FinderName = "auto") -> str:
    """Why no finder can be used, and what brings one; empty if one can."""
    tried: tuple[Finder, ...] = (RETINAFACE, DLIB) if wanted == "auto" else (chosen_finder(wanted),)
    missing = [finder_weights(finder).missing for finder in tried]
    return "; or by dlib: ".join(missing) if all(missing) else ""


def ways_to_find() -> str:
    """What brings each finder, or chooses it."""
    return "; or ".join(finder_weights(f).missing or f"choose it: --finder {f}" for f in FINDERS)


def finds_points(card: MetricCard) -> bool:
    """Whether a metric asks a finder for the points of ground truth that comes without any."""
    return any(map(_is_finder, card.weights))


def metric_uses(card: MetricCard, finder: Finder) -> list[WeightUse]:
    """The checkpoints that a metric is loaded from, those of the finder included if it can be used."""
    own = [use for use in card.weights if not _is_finder(use)]
    if not finds_points(card) or finder_weights(finder).missing:
        return own
    return [*own, *FINDERS[finder]]


def found_by(card: MetricCard, weights: Weights) -> str:
    """The finder among the files that a metric is loaded from; empty if there is none."""
    if not finds_points(card):
        return ""
    roles = {use.role: finder for finder, uses in FINDERS.items() for use in uses}
    return next((roles[role] for role in weights.paths if role in roles), "")


def _is_finder(use: WeightUse) -> bool:
    return use.role == DETECTOR and use.optional
