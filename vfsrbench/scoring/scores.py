"""What metrics say of one restored clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.geometry.guard import Report, Sight
from vfsrbench.metric import Values

Piece = NDArray[Any]
"""Values of some frames, or features."""


@dataclass
class Scores:
    """What the metrics say of one restored clip; see the fields of the same names in `schema.JobRecord`.

    `values` has a float64 a frame for each metric of level frame or pair. `features` (split metrics) are
    (n, D) arrays. `broken` names the metrics that raised, which `unavailable` explains.
    """

    values: dict[str, Values] = field(default_factory=dict)
    clip_values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    features: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    place: Report | None = None
    """What the guard says of the clip against its ground truth; None without one."""


@dataclass(frozen=True)
class Wanted:
    """The metrics that are to be computed of one restored clip.

    `values` and `unavailable` say what is known already of the others: derived metrics follow from them.
    `guard`: whether the guard looks at the clip; it need not where it has.
    """

    metrics: frozenset[str]
    values: Mapping[str, Values] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    guard: bool = True


@dataclass(frozen=True)
class Part:
    """What a pass over a part of a clip's frames gives another one: by restored clip the pieces of each
    metric and what the guard keeps of the frames, and the ground truth's features."""

    pieces: Sequence[Mapping[str, Piece]]
    gt_features: Mapping[str, NDArray[np.float32]]
    sights: Sequence[list[Sight]]

    def of(self, numbers: Sequence[int]) -> Part:
        """The same of these restored clips, in this order."""
        sights = [self.sights[n] for n in numbers]
        return Part([self.pieces[n] for n in numbers], self.gt_features, sights)
