"""How a clip is cut into windows: for methods (with overlap) and for metrics (with context)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Tail = Literal["short", "shift"]


@dataclass(frozen=True)
class Span:
    """Frames `start` to `stop - 1` go in; of what comes out, frames `keep_from` to `keep_to - 1` are kept."""

    start: int
    stop: int
    keep_from: int
    keep_to: int

    def __len__(self) -> int:
        return self.stop - self.start


def method_windows(total: int, window: int | None, overlap: int = 0, tail: Tail = "short") -> list[Span]:
    """The windows of a clip of `total` frames, `window` frames each (none: the whole clip in one).

    Neighbours share `overlap` frames; a shared frame is kept from the window in which it is furthest from
    a border, the earlier one of two equals. The clip's own ends are no borders. The last window is `short`,
    or moved back to full length (`shift`; a clip shorter than the window stays short).
    """
    if total < 1 or (window is not None and not 0 <= overlap < window):
        raise ValueError(f"no windows for total={total}, window={window}, overlap={overlap}")
    if window is None or window >= total:
        return [Span(0, total, 0, total)]
    bounds: list[tuple[int, int]] = []
    start = 0
    while not bounds or bounds[-1][1] < total:
        stop = min(start + window, total)
        if stop == total and tail == "shift":
            start = total - window
        bounds.append((start, stop))
        start += window - overlap
    owner, best = [0] * total, [-1] * total
    for index, (start, stop) in enumerate(bounds):
        for t in range(start, stop):
            depth = min(t - start if start > 0 else total, stop - 1 - t if stop < total else total)
            if depth > best[t]:
                owner[t], best[t] = index, depth
    spans = []
    for index, (start, stop) in enumerate(bounds):
        kept = [t for t in range(start, stop) if owner[t] == index]
        if kept:
            spans.append(Span(start, stop, kept[0], kept[-1] + 1))
    return spans


def smaller(window: int, overlap: int) -> tuple[int, int]:
    """The next smaller window after the memory ran out: half of it, its overlap in proportion."""
    half = max(1, window // 2)
    return half, min(overlap * half // window, half - 1)


@dataclass(frozen=True)
class ScoreSpan:
    """Frames `start` to `stop - 1` are read; the first `lead` of them are context."""

    start: int
    stop: int
    lead: int


def score_windows(total: int, window: int, context: int) -> Iterator[ScoreSpan]:
    """Windows that score every frame once, each with up to `context` frames before it."""
    for first in range(0, total, window):
        lead = min(context, first)
        yield ScoreSpan(first - lead, min(first + window, total), lead)
