"""The film in a video file: which stream it is; its frames' times, its sound, its pixels' shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vfsrbench.errors import InputError

_ATTACHED_PICTURE = 0x400
_STILLS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000", "ljpeg"})
_STEADY = Fraction(3, 2000)  # seconds; containers that count in milliseconds are off by as much


@dataclass(frozen=True)
class Film:
    """What a video says beside its pixels.

    Attributes:
        path: The file.
        sample_aspect: Width to height of a pixel of the upright frames.
        sound: The codec of each sound stream.
        time_base: Seconds a tick of `times`.
        times: When each frame is shown, in ticks, rising; by the rate if the file does not say so.
        last: How long the last frame is shown, in ticks; 0 if the file does not say so.
        cut: Whether frames follow that are not asked for.
        beside: What else the file holds and nothing here keeps: subtitles, further films.
    """

    path: Path
    sample_aspect: Fraction
    sound: tuple[str, ...]
    time_base: Fraction
    times: tuple[int, ...]
    last: int = 0
    cut: bool = False
    beside: tuple[str, ...] = ()

    def head(self, count: int) -> Film:
        """The film of the first frames."""
        if count >= len(self.times):
            return self
        last = self.times[count] - self.times[count - 1]
        return replace(self, times=self.times[:count], last=last, cut=True)

    def silent(self) -> Film:
        """The film without its sound."""
        return replace(self, sound=())

    @property
    def steady(self) -> bool:
        """Whether the frames come at a constant rate, within what the file's clock can say."""
        if len(self.times) < 3:
            return True
        first, last = self.times[0], self.times[-1]
        step = Fraction(last - first, len(self.times) - 1)
        allowed = max(Fraction(3, 2), _STEADY / self.time_base)
        return all(abs(time - first - i * step) <= allowed for i, time in enumerate(self.times))

    @property
    def end(self) -> Fraction:
        """When the last frame ends, in seconds."""
        return (self.times[-1] + self.steps()[-1]) * self.time_base

    def steps(self) -> list[int]:
        """How long each frame is shown, in ticks."""
        steps = [b - a for a, b in pairwise(self.times)]
        return [*steps, self.last or (steps[-1] if steps else 1)]

    def lost_in_pictures(self) -> list[str]:
        """What of the film cannot be kept where its frames become pictures, in one line if anything."""
        lost = [f"sound ({', '.join(self.sound)})"] if self.sound else []
        if not self.steady:
            lost.append(f"frame times ({self._rates()} a second)")
        if self.sample_aspect != 1:
            lost.append(f"pixel shape ({self._aspect()})")
        lost += self.beside
        return [f"not kept in pictures: {', '.join(lost)}"] if lost else []

    def oddities(self) -> list[str]:
        """What pictures, and figures over them, do not show."""
        found = []
        if self.sample_aspect != 1:
            found.append(f"its pixels are {self._aspect()} wide, and taken as squares")
        if not self.steady:
            found.append(f"its frame rate varies ({self._rates()} a second), all frames count alike")
        return found

    def _aspect(self) -> str:
        return f"{self.sample_aspect.numerator}:{self.sample_aspect.denominator}"

    def _rates(self) -> str:
        steps = [b - a for a, b in pairwise(self.times)]
        low, high = (float(1 / (step * self.time_base)) for step in (max(steps), min(steps)))
        return f"{low:.4g} to {high:.4g}"


def beside(container: Any, film: Any) -> tuple[str, ...]:
    """The streams of a container that are neither the film nor sound, in words."""
    subtitles = any(stream.type == "subtitle" for stream in container.streams)
    others = any(s.index != film.index and not _is_cover(s) for s in container.streams.video)
    return (*(["subtitles"] if subtitles else []), *(["further films"] if others else []))


def choose_film(container: Any, path: Path) -> tuple[Any, list[str]]:
    """The stream that is the film, as FFmpeg chooses it, and notes on the others.

    Covers and thumbnails are no films. InputError when there is no film.
    """
    videos = list(container.streams.video)
    films = [stream for stream in videos if not _is_cover(stream)]
    if not films:
        others = ", ".join(stream.type for stream in container.streams) or "an empty file"
        held = "only a cover picture" if videos else f"only {others}"
        raise InputError(f"{path}: holds no video, {held}")
    if all(film.codec_context is None for film in films):
        raise InputError(f"{path}: its film is in a format that this FFmpeg cannot decode; convert it")
    films = [film for film in films if film.codec_context is not None]
    best = container.streams.best("video") if hasattr(container.streams, "best") else None
    if best is None or best.index not in {stream.index for stream in films}:
        best = max(films, key=_rank)
    if len(films) == 1:
        return best, []
    size = f"{best.codec_context.width}x{best.codec_context.height}"
    return best, [f"holds {len(films)} films; stream {best.index} ({size}) is read"]


def _is_cover(stream: Any) -> bool:
    disposition = _disposition(stream)
    if disposition is not None:
        return bool(disposition & _ATTACHED_PICTURE)
    # PyAV before 14 does not say: a picture's codec, in a stream of one frame or without a rate
    still = codec_name(stream) in _STILLS
    return still and (stream.frames == 1 or not stream.average_rate or stream.average_rate > 1000)


def codec_name(stream: Any) -> str:
    """FFmpeg's name of a stream's codec; "unknown" where nothing decodes it."""
    return "unknown" if stream.codec_context is None else str(stream.codec_context.name)


def _disposition(stream: Any) -> int | None:
    """FFmpeg's flags; None where PyAV does not give them."""
    flags = getattr(stream, "disposition", None)
    return None if flags is None else int(getattr(flags, "value", flags))


def _rank(stream: Any) -> tuple[int, int, int, int]:
    default = (_disposition(stream) or 0) & 1
    context = stream.codec_context
    return default, context.width * context.height, stream.bit_rate or 0, -stream.index
