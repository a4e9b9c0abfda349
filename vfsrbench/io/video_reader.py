"""Videos read as frames, through PyAV, forward in windows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from av import VideoFrame

Frames = NDArray[np.uint8]
_KEPT = 16  # frames kept after a read, so that overlapping windows need no second decoding
_THREADS = 4
_MISSING = 1.0  # seconds that may be missing at the end: headers are not exact


class VideoSource:
    """The frames of a video's first stream, as uint8 RGB.

    Frames are counted by decoding, never taken from the header, which is wrong in many files. Reading
    forward decodes each frame once; reading back starts again at the first frame, as seeking to a key
    frame is not exact in every stream. YUV becomes RGB by FFmpeg's swscale with the colour matrix and
    range that the stream declares (BT.601 limited if it declares none). Rotation flags are ignored.
    """

    names: None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reset()
        first = next(self._decode(), None)
        if first is None:
            raise InputError(f"{path}: the video has no frames")
        self.height, self.width = first.height, first.width

    def _reset(self) -> None:
        self._decoder: Iterator[VideoFrame] | None = None
        self._next = 0  # number of the frame that the decoder gives next
        self._kept: Frames | None = None  # the frames just before `_next`

    @cached_property
    def fps(self) -> float:
        """Frames a second as the stream declares them; 25 if it does not."""
        with _opened(self._path) as container:
            return _rate(container.streams.video[0])

    @cached_property
    def length(self) -> int:
        """The number of frames. Decodes the whole video once."""
        return sum(1 for _ in self._decode())

    def read(self, start: int, stop: int) -> Frames:
        """Frames start to stop - 1 as uint8 RGB (n, H, W, 3)."""
        out = np.empty((stop - start, self.height, self.width, 3), np.uint8)
        done = self._from_kept(start, out)
        if done == len(out):
            return out
        if self._decoder is None or start + done < self._next:
            self._reset()
            self._decoder = self._decode()
        while done < len(out):
            frame = next(self._decoder, None)
            if frame is None:
                raise InputError(f"{self._path}: ended at frame {self._next}; was it changed meanwhile?")
            if self._next == start + done:  # frames before that are passed over
                out[done] = frame.to_ndarray(format="rgb24")
                done += 1
            self._next += 1
        self._kept = out[-_KEPT:].copy()
        if self._next == self.__dict__.get("length"):
            self._decoder = iter(())  # closes the file
        return out

    def _from_kept(self, start: int, out: Frames) -> int:
        """Fill the beginning of `out` from the last read, where it overlaps. Returns the frames filled."""
        if self._kept is None or not self._next - len(self._kept) <= start < self._next:
            return 0
        known = self._kept[start - self._next :][: len(out)]
        out[: len(known)] = known
        return len(known)

    def _decode(self) -> Iterator[VideoFrame]:
        """All frames from the first on, checked."""
        import av

        with _opened(self._path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _THREADS
            size: tuple[int, int] | None = None
            last: float | None = None
            try:
                for number, frame in enumerate(container.decode(stream)):
                    size = size or (frame.width, frame.height)
                    if frame.is_corrupt:
                        raise InputError(f"{self._path}: frame {number} is damaged; make the video again")
                    if (frame.width, frame.height) != size:
                        raise InputError(
                            f"{self._path}: frame {number} is {frame.width}x{frame.height}, the first one "
                            f"{size[0]}x{size[1]}; all frames of a clip must have one size"
                        )
                    yield frame
                    last = frame.time
                self._check_end(stream, last)
            except av.error.FFmpegError as error:
                raise InputError(f"{self._path}: cannot be decoded: {error.strerror}") from None

    def _check_end(self, stream: Any, last: float | None) -> None:
        """InputError when the last frame comes long before the end that the header declares."""
        end = _declared_end(stream)
        if end is not None and last is not None and end - last > 1 / _rate(stream) + _MISSING:
            raise InputError(
                f"{self._path}: is truncated, its frames end at {last:.2f} s of {end:.2f} s; copy it again"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_decoder": None, "_next": 0, "_kept": None}


def _rate(stream: Any) -> float:
    return float(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)


def _declared_end(stream: Any) -> float | None:
    """The time in seconds at which the stream ends by its header, if that says so."""
    if stream.duration is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    tag = next((v for k, v in stream.metadata.items() if k.upper() == "DURATION"), "")  # Matroska
    try:
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None


def _opened(path: Path) -> Any:
    """The container, open for reading. InputError when it is missing, no video, or without a video stream."""
    import av

    try:
        # an absolute path: FFmpeg takes "a:b.mp4" for an address
        container = av.open(str(path.resolve()))
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: cannot be read as a video: {error.strerror}") from None
    if not container.streams.video:
        others = ", ".join(stream.type for stream in container.streams) or "an empty file"
        container.close()
        raise InputError(f"{path}: holds no video, only {others}")
    return container
