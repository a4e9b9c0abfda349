"""What a comparison with a reference implementation is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The largest deviation, in how many values."""

    worst: float
    values: int


@dataclass(frozen=True)
class Reference:
    """A comparison, and the limit (absolute, in the metric's unit) that its deviations must stay below.

    `heavy`: it runs a large network, so the ordinary tests leave it out. `unmet` says why it cannot run here,
    if it cannot.
    """

    run: Callable[[], Outcome]
    limit: float
    note: str = ""
    heavy: bool = False
    unmet: Callable[[], str] = str
