"""Clips whose frames are changed when they are read: warped, upscaled, or a part of another clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vfsrbench.io.video.film import Film

Frames = NDArray[np.uint8]
FrameMap = Callable[[Frames, int], Frames]
"""Frames (n, H, W, 3) and the number of the first one -> as many frames, all of one size."""


class FrameSource(Protocol):
    """Where frames come from. `names` is None where frames have numbers only.

    A source may also have `notes` (how it is read, a line each), `film` (a video's times and sound) and
    `changed` (whether its frames differ from those of the file; see `MappedSource`).
    """

    height: int
    width: int

    @property
    def length(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...] | None: ...

    def read(self, start: int, stop: int) -> Frames: ...


class MappedSource:
    """Frames of another source, changed by a function when they are read.

    Names, notes and film are those of the other source. It can be pickled if the function can.

    Args:
        source: Where the frames come from.
        change: Called with the frames of each read and the number of the first in `source`. Default: the
            frames stay as they are.
        size: Height and width of changed frames. Default: the source's.
        start: The first frame, in `source`.
        stop: The frame after the last one. Default: the source's end.
    """

    def __init__(
        self,
        source: FrameSource,
        change: FrameMap | None = None,
        size: tuple[int, int] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        self._source, self._change, self._start = source, change, start
        self._stop = stop
        self.height, self.width = size or (source.height, source.width)

    @property
    def length(self) -> int:
        return (self._source.length if self._stop is None else self._stop) - self._start

    @property
    def names(self) -> tuple[str, ...] | None:
        names = self._source.names
        return None if names is None else names[self._start : self._stop]

    @property
    def notes(self) -> tuple[str, ...]:
        return getattr(self._source, "notes", ())

    @property
    def film(self) -> Film | None:
        """The source's film, cut like the frames; None for a part that does not begin at its first frame."""
        film: Film | None = getattr(self._source, "film", None)
        if film is None or self._start:
            return None
        return film if self._stop is None else film.head(self._stop)

    @property
    def changed(self) -> bool:
        """Whether these are other frames than the file's first ones."""
        changed: bool = getattr(self._source, "changed", False)
        return changed or self._change is not None or self._start > 0

    def read(self, start: int, stop: int) -> Frames:
        first = self._start + start
        frames = self._source.read(first, self._start + stop)
        return frames if self._change is None else self._change(frames, first)
