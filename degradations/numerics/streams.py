"""Random numbers: one independent Philox stream a (recipe version, seed, clip, operator, frame).

Only Philox's raw 64-bit words are used, which NumPy guarantees never to change (NEP 19); everything else is
whole-number arithmetic on them. A frame's numbers therefore do not depend on the other frames, on the order
of clips, on how many workers share the work, or on NumPy's version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_WORD = 1 << 53


class Stream:
    """Random numbers from the Philox counter generator with a key made of `names`."""

    def __init__(self, *names: str | int | None) -> None:
        text = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
        key = hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()
        self._source = np.random.Philox(key=int.from_bytes(key, "little"))

    def words(self, count: int, bits: int) -> NDArray[np.unsignedinteger]:
        """`count` uniform words of 16, 32 or 64 bits; whole 64-bit draws are used up."""
        each = 64 // bits
        raw = np.atleast_1d(self._source.random_raw(-(-count // each)))
        return raw.astype("<u8", copy=False).view(f"<u{bits // 8}")[:count]

    def unit(self) -> float:
        """A number in [0, 1) on a grid of 2^-53."""
        return int(self._source.random_raw()) // (1 << 11) / _WORD

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """A whole number in low..high, both included."""
        return low + int(self._source.random_raw()) * (high - low + 1) // (1 << 64)

    def choice(self, weights: Mapping[T, float]) -> T:
        """One of the keys, in proportion to its weight."""
        names = list(weights)
        left = self.unit() * sum(weights.values())
        for name in names:
            left -= weights[name]
            if left < 0:
                return name
        return names[-1]

    def order(self, items: Sequence[T]) -> list[T]:
        """The items in random order (Fisher-Yates)."""
        shuffled = list(items)
        for last in range(len(shuffled) - 1, 0, -1):
            other = self.integer(0, last)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled
