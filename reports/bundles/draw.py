"""Which clips are drawn: by a seed and their names alone, so that everybody draws the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def drawn_clips(clips: Iterable[str], count: int, seed: int = 0) -> tuple[str, ...]:
    """So many of the clips, in the order of their names.

    Args:
        clips: All of them, in any order.
        count: How many; all, if there are no more.
        seed: Another seed draws others.

    Example:
        >>> drawn_clips(["a", "b", "c"], 2) == drawn_clips(["c", "b", "a"], 2)
        True
    """

    def place(clip: str) -> str:
        return hashlib.sha256(f"vfsrbench-draw:{seed}:{clip}".encode("utf-8", "surrogatepass")).hexdigest()

    return tuple(sorted(sorted(set(clips), key=lambda clip: (place(clip), clip))[: max(0, count)]))
