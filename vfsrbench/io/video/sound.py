"""The sound of a video, copied packet by packet beside restored frames: nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

from vfsrbench.errors import InputError
from vfsrbench.io.video.film import Film

_FORMATS = {".mp4": "mp4", ".mkv": "matroska", ".avi": "avi"}


class SoundError(InputError):
    """The sound cannot be copied; the frames can be written without it."""


def takes_sound(suffix: str, path: Path) -> bool:
    """Whether files of a kind can hold the sound of a video as it is; true where it has none."""
    import av

    with av.open(str(path.resolve()), metadata_errors="replace") as source:
        if not source.streams.audio:
            return True
        try:
            with av.open(BytesIO(), "w", format=_FORMATS[suffix]) as trial:
                for stream in source.streams.audio:
                    _alike(trial, stream)
                trial.start_encoding()
        except (av.error.FFmpegError, ValueError):
            return False
    return True


class SoundCopy:
    """Puts the sound of a film into a container that is being written. Use it in a `with` block.

    `start` is the earliest time, in seconds, at which the film or its sound begins.
    """

    def __init__(self, container: Any, film: Film) -> None:
        """Adds the streams; nothing may have been written into `container` yet."""
        import av

        self._container = container
        self._source = av.open(str(film.path.resolve()), metadata_errors="replace")
        sounds = list(self._source.streams.audio) if film.sound else []
        self._streams = {stream.index: _alike(container, stream) for stream in sounds}
        self._stop = film.end if film.cut else None
        starts = [s.start_time * Fraction(s.time_base or 1) for s in sounds if s.start_time is not None]
        self.start = min([film.times[0] * film.time_base, *starts])
        self._packets = self._read(sounds) if sounds else iter(())
        self._waiting: Any = None

    def write_until(self, time: Fraction | None, shift: Fraction) -> None:
        """Write the packets before a time (None: all that are left), `shift` seconds earlier.

        Raises:
            SoundError: A packet does not go into the container.
        """
        import av

        try:
            while (packet := self._waiting or next(self._packets, None)) is not None:
                if time is not None and packet.dts * packet.time_base - shift > time:
                    self._waiting = packet
                    return
                self._waiting = None
                ticks = round(shift / packet.time_base)
                packet.dts -= ticks
                packet.pts = packet.dts if packet.pts is None else packet.pts - ticks
                packet.stream = self._streams[packet.stream.index]
                self._container.mux(packet)
        except (av.error.FFmpegError, ValueError) as error:
            raise SoundError(f"the sound cannot be copied ({error})") from None

    def _read(self, sounds: list[Any]) -> Iterator[Any]:
        """The packets with a time, until the film is cut."""
        for packet in self._source.demux(*sounds):
            if packet.dts is None:  # the end of a stream
                continue
            if self._stop is None or packet.dts * packet.time_base < self._stop:
                yield packet

    def __enter__(self) -> SoundCopy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()


def _alike(container: Any, stream: Any) -> Any:
    """A new stream for the packets of another."""
    if hasattr(container, "add_stream_from_template"):
        return container.add_stream_from_template(stream)
    return container.add_stream(template=stream)  # PyAV before 14
