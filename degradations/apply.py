"""A clip on its way through a recipe's operators, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.digest import FrameHasher
from degradations.errors import InputError
from degradations.numerics.grid import whole
from degradations.operators.base import ClipRun, Operator, Place, chain

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Degraded:
    """What a recipe made of a clip.

    `frames`: uint8 RGB (T, h, w, 3). `parameters`: all that was drawn, plain JSON values, one entry an
    operator. Digests name the frames as they entered the first video codec, and as they are; they are
    equal when no codec was used.
    """

    frames: Frame
    parameters: dict[str, Any]
    digest_before_codec: str
    digest: str


class Degrading(Iterator[Frame]):
    """The degraded frames of one clip, made as they are asked for; then its parameters and digests."""

    def __init__(
        self,
        operators: tuple[Operator, ...],
        scale: float | None,
        numbers: str,
        frames: Iterable[Frame],
        clip: str,
        seed: int,
        fps: float,
    ) -> None:
        if not clip:
            raise InputError("a clip to degrade needs a name: it chooses the random numbers")
        if not 0 < fps < float("inf"):
            raise InputError(f"clip {clip!r}: frames per second must be positive, got {fps}")
        singles = single_frames(frames, clip)
        first = next(singles, None)
        if first is None:
            raise InputError(f"clip {clip!r} has no frames")
        height, width = first.shape[:2]
        _check_divides(scale, height, width, clip)
        self._run = ClipRun(numbers, seed, clip, fps, (height, width))
        self._place = Place(self._run, "recipe")
        pictures = chain(operators, _started(first, singles), self._place)
        self._frames = (whole(picture) for picture in pictures)
        self._hasher: FrameHasher | None = None

    def __next__(self) -> Frame:
        frame = next(self._frames)
        if self._hasher is None:
            self._hasher = FrameHasher(frame.shape[0], frame.shape[1])
        self._hasher.update(frame)
        return frame

    @property
    def parameters(self) -> dict[str, Any]:
        """All that was drawn so far."""
        return {"clip": self._run.name, "seed": self._run.seed, **self._place.record}

    @property
    def digest(self) -> str:
        """The digest of the frames made so far."""
        if self._hasher is None:
            raise RuntimeError("no frame has been degraded yet")
        return self._hasher.hexdigest()

    @property
    def digest_before_codec(self) -> str:
        """The digest of the frames that entered the first codec; without one, that of the frames."""
        return self._run.before_codec or self.digest

    def collect(self) -> Degraded:
        """All frames at once."""
        frames = np.stack(list(self))
        return Degraded(frames, self.parameters, self.digest_before_codec, self.digest)


def single_frames(frames: Iterable[Frame], clip: str) -> Iterator[Frame]:
    """One frame (H, W, 3) after the other, from frames or portions. InputError names the faulty frame."""
    size: tuple[int, ...] | None = None
    count = 0
    for item in frames:
        for frame in item if item.ndim == 4 else (item,):
            if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
                found = f"{frame.dtype} {tuple(frame.shape)}"
                raise InputError(f"clip {clip!r}, frame {count}: uint8 (H, W, 3) is expected, got {found}")
            if size is not None and frame.shape != size:
                raise InputError(
                    f"clip {clip!r}, frame {count}: {frame.shape[1]}x{frame.shape[0]} pixels,"
                    f" but the clip began with {size[1]}x{size[0]}"
                )
            size = frame.shape
            count += 1
            yield frame


def _started(first: Frame, rest: Iterator[Frame]) -> Iterator[Any]:
    yield first
    yield from rest


def _check_divides(scale: float | None, height: int, width: int, clip: str) -> None:
    """A pair of clean and degraded frames is of use only if their sizes have the ratio that is stated."""
    if scale is not None and (height % scale or width % scale):
        raise InputError(
            f"clip {clip!r} is {width}x{height}, but the recipe makes it {scale:g} times smaller:"
            f" crop its sides to multiples of {scale:g}"
        )
