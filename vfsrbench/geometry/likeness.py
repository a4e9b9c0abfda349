"""Whether pictures show what the ground truth shows at all: turned, mirrored, inverted, or something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_VARIANCE = 1.0
"""Squared grey levels of a blurred picture below which there is nothing to compare."""
_ALIKE = 0.8
_BETTER = 0.5
Picture = NDArray[np.float32]

TURNS: dict[str, Callable[[Picture], Picture]] = {
    "mirrored, left and right swapped": lambda p: p[:, ::-1],
    "upside down": lambda p: p[::-1],
    "turned by 180 degrees": lambda p: p[::-1, ::-1],
    "turned by 90 degrees to the left": lambda p: np.rot90(p),
    "turned by 90 degrees to the right": lambda p: np.rot90(p, 3),
    "rows and columns swapped": lambda p: p.T,
    "rows and columns swapped, turned by 180 degrees": lambda p: np.rot90(p, 2).T,
}
"""What may have been done to the ground truth's pictures, by how it is said."""


def featureless(pictures: Sequence[Picture]) -> bool:
    """Whether there is nothing in the pictures that could be compared."""
    return not pictures or max(float(np.var(p)) for p in pictures) < LEAST_VARIANCE


def strange(restored: Sequence[Picture], gt: Sequence[Picture], placed: float) -> str:
    """That restored pictures do not show what the ground truth's show, and what instead; empty where they do.
    `placed` is their likeness, 0 to 1, where they lie best."""
    if featureless(gt):
        return ""
    if featureless(restored):
        return "one colour, nothing to be seen"
    as_it_is = _correlation(restored, gt)
    turned = {said: _correlation(restored, [turn(p) for p in gt]) for said, turn in TURNS.items()}
    said = max(turned, key=lambda name: turned[name])
    if turned[said] > _ALIKE and 1 - turned[said] < _BETTER * (1 - as_it_is):
        return said
    if as_it_is < -_ALIKE:
        return "bright and dark swapped"
    likeness = max(placed, as_it_is)
    return "" if likeness > _ALIKE else f"other pictures than the ground truth's (likeness {likeness:.2f})"


def _correlation(restored: Sequence[Picture], gt: Sequence[Picture]) -> float:
    """The mean over pictures; 0 where they have other shapes or nothing to compare."""
    found = [0.0]
    for own, theirs in zip(restored, gt, strict=True):
        if own.shape == theirs.shape:
            a, b = own - own.mean(dtype=np.float64), theirs - theirs.mean(dtype=np.float64)
            found.append(float((a * b).sum() / np.sqrt(max((a * a).sum() * (b * b).sum(), 1e-12))))
    return float(np.mean(found[1:] or found))
