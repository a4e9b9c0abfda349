"""How far a method's values lie outside [0, 1]: a wrong scale must not go unnoticed into a ranking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FAR = 0.1
"""A sharpening method may overshoot by this much (25 grey levels); beyond, its scale is in doubt."""
ALLOWED = 0.01
"""The part of a clip's values that may lie so far outside without a warning."""


@dataclass
class Reach:
    """Counts values; `far` of `total` lie more than `FAR` outside [0, 1], infinite ones included."""

    total: int = 0
    far: int = 0
    low: float = 0.0
    high: float = 1.0

    def count(self, values: Tensor, low: float, high: float) -> None:
        """Count one window's output, whose lowest and highest values are given (no NaN is in it)."""
        self.total += values.numel()
        self.low, self.high = min(self.low, low), max(self.high, high)
        if low < -FAR or high > 1 + FAR:
            self.far += int(((values < -FAR) | (values > 1 + FAR)).sum())

    @property
    def clamped(self) -> float:
        """The part of all values that lies far outside [0, 1] and was clamped."""
        return self.far / self.total if self.total else 0.0

    @property
    def warnings(self) -> list[str]:
        """One line when that is more than a sound method has."""
        return [wrong_range(self.clamped, self.low, self.high)] if self.clamped > ALLOWED else []


def wrong_range(clamped: float, low: float, high: float) -> str:
    """The warning in words."""
    return f"wrong range? {clamped:.1%} of the values were clamped: they reach from {low:.3g} to {high:.3g}"
