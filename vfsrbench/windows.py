"""How the harness cuts a clip into windows for a method. Plugins may use the same cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vfsrbench.card import MethodCard

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


def first_window(card: MethodCard, total: int) -> int:
    """Frames a call of `restore` gets before memory runs out. Image methods get a batch at a time."""
    if card.window is None and card.kind == "image":
        return min(card.batch, total)
    return total if card.window is None else min(card.window, total)


def smallest_window(context: int) -> int:
    """The fewest frames a call of `restore` may get of a longer clip: one, and what the card's `context` says
    that it depends on."""
    return 2 * context + 1


def smaller(window: int, overlap: int, context: int = 0) -> tuple[int, int]:
    """The next smaller window after the memory ran out: half of it, its overlap in proportion, but enough of
    both for a frame's context."""
    half = max(window // 2, smallest_window(context))
    return half, min(max(overlap * half // window, 2 * context), half - 1)
