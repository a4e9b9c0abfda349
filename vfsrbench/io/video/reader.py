"""Videos read as frames, through PyAV, forward in windows."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.chroma_siting import siting_of
from degradations.imaging.scratch import Scratch
from degradations.imaging.yuv.frame import frame_to_rgb, notice
from vfsrbench.errors import InputError
from vfsrbench.io.safety.paths import check_pixels, check_regular_file
from vfsrbench.io.video.containers.check import check_whole
from vfsrbench.io.video.containers.ffv1 import Ffv1Checksums
from vfsrbench.io.video.film import Film, beside, choose_film, codec_name
from vfsrbench.io.video.orientation import UPRIGHT, Orientation, from_matrix

if TYPE_CHECKING:
    from av import VideoFrame

Frames = NDArray[np.uint8]
_KEPT = 16  # frames kept after a read, so that overlapping windows need no second decoding
_THREADS = 4


class VideoSource:
    """The frames of a video's film, as uint8 RGB, upright.

    The file is checked to be whole first (`check_whole`). Frames are counted by decoding, never taken from
    the header, which is wrong in many files. Reading forward decodes each frame once; reading back starts
    again at the first frame, as seeking to a key frame is not exact in every stream. A display matrix
    (phones) is applied; covers and thumbnails are no films (see `choose_film`). YUV becomes RGB exactly, with
    the matrix and range that the stream declares (`degradations.imaging`, docs/pixels.md).

    Attributes:
        notes: What a user should know of how the file is read.
    """

    names: None = None

    def __init__(self, path: Path) -> None:
        """Opens the file and decodes its first frame.

        Raises:
            InputError: The file is missing, no video, not whole, or without a frame.
        """
        self._path = path
        self._reset()
        check_regular_file(path, "video")
        try:
            with _opened(path) as container:
                stream, notes = choose_film(container, path)
                self._siting = siting_of(stream)
        except InputError:
            check_whole(path)  # what FFmpeg makes of a file that was cut off seldom says so
            raise
        notes.append(check_whole(path))
        first = next(self._decode(), None)
        if first is None:
            raise InputError(f"{path}: the video has no frames")
        orientation = _orientation(first)
        if orientation is None:
            notes.append("is turned by an angle that is no quarter turn, which is not applied")
        self._turned = (orientation or UPRIGHT).transpose
        self.height, self.width = _size(first)
        self._rgb(first)  # raises for a format that is not converted
        self.notes: tuple[str, ...] = tuple(filter(None, (*notes, notice(first.format.name))))

    def _reset(self) -> None:
        self._decoder: Iterator[VideoFrame] | None = None
        self._next = 0  # number of the frame that the decoder gives next
        self._kept: Frames | None = None  # the frames just before `_next`
        self._scratch = Scratch()

    @cached_property
    def fps(self) -> float:
        """Frames a second as the stream declares them; 25 if it does not."""
        with _opened(self._path) as container:
            stream, _ = choose_film(container, self._path)
            return float(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)

    @property
    def length(self) -> int:
        """The number of frames. Decodes the whole video once."""
        return self._walked[0]

    @cached_property
    def film(self) -> Film:
        """Times, sound and pixel shape. Decodes the whole video once, if `length` has not."""
        with _opened(self._path) as container:
            stream, _ = choose_film(container, self._path)
            ratio = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
            sound = tuple(codec_name(other) for other in container.streams.audio)
            base, others = Fraction(stream.time_base), beside(container, stream)
        count, times, last = self._walked
        if not times:  # AVI with B-frames, for one
            base, times, last = 1 / Fraction(self.fps).limit_denominator(1001), tuple(range(count)), 1
        ratio = 1 / ratio if self._turned else ratio
        return Film(self._path, ratio, sound, base, times, last, beside=others)

    @cached_property
    def _walked(self) -> tuple[int, tuple[int, ...], int]:
        """How many frames there are, their times (none unless known and rising), how long the last one is."""
        times: list[int | None] = []
        last = 0
        for frame in self._decode():
            times.append(frame.pts)
            last = getattr(frame, "duration", 0) or 0  # PyAV before 14 does not say
        known = [time for time in times if time is not None]
        rising = len(known) == len(times) and all(a < b for a, b in pairwise(known))
        return len(times), tuple(known) if rising else (), last

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
                orientation = _orientation(frame) or UPRIGHT
                if orientation == UPRIGHT:
                    self._rgb(frame, out[done])
                else:
                    out[done] = orientation.apply(self._rgb(frame))
                done += 1
            self._next += 1
        self._kept = out[-_KEPT:].copy()
        walked = self.__dict__.get("_walked")
        if walked is not None and self._next == walked[0]:
            self._decoder = iter(())  # closes the file
        return out

    def _rgb(self, frame: VideoFrame, out: Frames | None = None) -> Frames:
        try:
            return frame_to_rgb(frame, self._siting, out=out, scratch=self._scratch)
        except InputError as error:
            raise InputError(f"{self._path}: {error}") from None

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
            stream, _ = choose_film(container, self._path)
            check_pixels(self._path, stream.width or 1, stream.height or 1)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _THREADS
            size: tuple[int, int] | None = None
            try:
                for number, frame in enumerate(self._checked(container, stream)):
                    size = size or _size(frame)
                    if _size(frame) != size:
                        (height, width), (high, wide) = _size(frame), size
                        raise InputError(
                            f"{self._path}: frame {number} is {width}x{height}, the first one "
                            f"{wide}x{high}; all frames of a clip must have one size"
                        )
                    yield frame
            except av.error.FFmpegError as error:
                raise InputError(
                    f"{self._path}: cannot be decoded: {error.strerror}; copy it again, or make it again"
                ) from None

    def _checked(self, container: Any, stream: Any) -> Iterator[VideoFrame]:
        """The decoded frames; InputError at packets and frames that are marked as damaged."""
        number = 0
        checksums = Ffv1Checksums() if stream.codec_context.name == "ffv1" else None
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise InputError(
                    f"{self._path}: is damaged or truncated behind frame {number}; copy it again, or make it "
                    "again"
                )
            if checksums is not None and packet.size:
                wrong = checksums.first_wrong(bytes(packet))
                if wrong is not None:
                    raise InputError(f"{self._path}: frame {wrong} is damaged; make the video again")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise InputError(f"{self._path}: frame {number} is damaged; make the video again")
                yield frame
                number += 1

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_decoder": None, "_next": 0, "_kept": None, "_scratch": Scratch()}


def _orientation(frame: VideoFrame) -> Orientation | None:
    """What brings a frame upright; None for an angle that is no quarter turn."""
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return UPRIGHT if matrix is None else from_matrix(bytes(matrix))


def _size(frame: VideoFrame) -> tuple[int, int]:
    """Height and width of the upright frame."""
    turned = (_orientation(frame) or UPRIGHT).transpose
    return (frame.width, frame.height) if turned else (frame.height, frame.width)


def _opened(path: Path) -> Any:
    """The container, open for reading. InputError when it is missing or no video."""
    import av

    check_regular_file(path, "video")
    try:
        # an absolute path: FFmpeg takes "a:b.mp4" for an address
        # tags may be in any encoding; none of them matters to the pixels
        return av.open(str(path.resolve()), metadata_errors="replace")
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: cannot be read as a video: {error.strerror}") from None
