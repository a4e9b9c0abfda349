"""A source that reads the next window while the method works at this one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MethodCard
from vfsrbench.restoration.restore import Source
from vfsrbench.windows import Span, first_window, method_windows

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
MOST_AHEAD = 512 << 20
"""Bytes of a window that is read ahead at the most: larger ones are read when they are asked for."""


class ReadAhead:
    """Reads a clip in a thread of its own, one window ahead. Use it in a `with` block.

    What is read is the same as without it: a window that was not foreseen (memory ran out, and windows are
    smaller) is read when it is asked for. On CUDA the frames lie in pinned memory, from which they go to the
    GPU without another copy.

    Args:
        source: The clip. All of it is read by the one thread.
        spans: The windows, in order.
        frame_bytes: Bytes of a frame.
        device: Where the frames go; None: nowhere.
    """

    def __init__(
        self,
        source: Source,
        spans: Sequence[Span],
        frame_bytes: int,
        device: torch.device | None = None,
    ) -> None:
        self._source = source
        places = [(span.start, span.stop) for span in spans]
        self._next = dict(pairwise(places))
        self._frame_bytes = frame_bytes
        self._pinned = device is not None and device.type == "cuda"
        self._thread = ThreadPoolExecutor(1, "read ahead")
        self._ahead: tuple[tuple[int, int], Future[Frames]] | None = None

    def read(self, start: int, stop: int) -> Frames:
        """Frames start to stop - 1; the window after them is on its way when this returns."""
        place = (start, stop)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == place:
            coming = ahead[1]
        else:
            coming = self._thread.submit(self._read, start, stop)
        frames = coming.result()
        following = self._next.get(place)
        if following is not None and (following[1] - following[0]) * self._frame_bytes <= MOST_AHEAD:
            self._ahead = following, self._thread.submit(self._read, *following)
        return frames

    def _read(self, start: int, stop: int) -> Frames:
        frames = self._source.read(start, stop)
        return _pinned(frames) if self._pinned else frames

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead = None
        self._thread.shutdown(wait=True, cancel_futures=True)


def windows_of(card: MethodCard, frames: int) -> list[Span]:
    """The windows in which a method gets a clip, as long as memory suffices."""
    window = first_window(card, frames)
    return method_windows(frames, window, min(card.overlap, window - 1), card.tail)


def _pinned(frames: Frames) -> Frames:
    """The frames in pinned memory; as they are where there is none left."""
    import torch

    try:
        there: Any = torch.empty(frames.shape, dtype=torch.uint8, pin_memory=True).numpy()
    except RuntimeError:
        return frames
    there[:] = frames
    return there  # type: ignore[no-any-return]
