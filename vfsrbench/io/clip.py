"""A clip: uint8 RGB frames with a name and a rate, read in windows from wherever they lie."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from degradations.digest import FrameHasher
from vfsrbench.errors import InputError, counted
from vfsrbench.io.foreign_text import clean_name
from vfsrbench.io.formats import VIDEO_SUFFIXES
from vfsrbench.io.images.folder import PictureSource, write_png_folder
from vfsrbench.io.mapped import FrameMap, FrameSource, MappedSource
from vfsrbench.io.safety.paths import check_regular_file, is_there
from vfsrbench.io.video.film import Film
from vfsrbench.io.video.reader import VideoSource
from vfsrbench.io.video.writer import Codec, write_video

__all__ = ["Clip", "write_png_folder", "write_video"]

Frames = NDArray[np.uint8]
DEFAULT_FPS = 25.0
_BLOCK = 16  # frames read at a time when all are needed one after the other


class Clip:
    """Frames (T, H, W, 3), uint8 RGB. Nothing is held in memory but what the caller asks for.

    A clip can be pickled and sent to another process. One clip must not be read by two threads at once.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> clip = vb.Clip.from_array(np.zeros((8, 48, 64, 3), np.uint8), "black", fps=25)
        >>> clip
        Clip('black', 64x48, in memory)
        >>> len(clip), clip[3].shape, len(clip[2:7]), [frame.dtype.name for frame in clip[:2]]
        (8, (48, 64, 3), 5, ['uint8', 'uint8'])
        >>> import tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "black.mkv")
        ...     clip.write(path)
        ...     len(vb.Clip.open(path))
        8
    """

    def __init__(self, source: FrameSource, name: str, fps: float, path: Path | None = None) -> None:
        """`path` is where the clip lies, for messages. See `Clip.open` and `Clip.from_array`."""
        if not 0 < fps < math.inf:
            raise InputError(f"clip {name!r}: fps must be positive and finite, got {fps}")
        self.name = clean_name(name)
        self.fps = float(fps)
        self.path = path
        self._source = source

    @classmethod
    def open(cls, path: str | Path, name: str | None = None, fps: float | None = None) -> Clip:
        """A folder of pictures in natural order, or a video file (see `vfsrbench.io.formats`).

        `name` defaults to the folder's name or the video's without suffix, `fps` to the video's own or 25.
        InputError when there is nothing, nothing readable, or no frame.
        """
        if not isinstance(path, str | os.PathLike):
            raise InputError(f"path: give a folder of pictures or a video, got {type(path).__name__}")
        place = Path(path)
        if place.is_dir():
            folder = PictureSource.of_folder(place)
            return cls(folder, name or place.resolve().name, DEFAULT_FPS if fps is None else fps, place)
        if not place.exists() and not is_there(place):
            raise InputError(f"{place}: no such folder or video")
        check_regular_file(place, "folder or video")
        if place.suffix.lower() not in VIDEO_SUFFIXES:
            raise InputError(
                f"{place}: is neither a folder of pictures nor a video ({', '.join(sorted(VIDEO_SUFFIXES))})"
            )
        video = VideoSource(place)
        return cls(video, name or place.stem, video.fps if fps is None else fps, place)

    @classmethod
    def from_array(cls, frames: Frames, name: str = "clip", fps: float = DEFAULT_FPS) -> Clip:
        """A clip of frames in memory, uint8 RGB (T, H, W, 3), T >= 1."""
        if not isinstance(frames, np.ndarray):
            raise InputError(f"clip {name!r}: frames must be a numpy array, got {type(frames).__name__}")
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not frames.size:
            raise InputError(
                f"clip {name!r}: frames must be uint8 (T, H, W, 3), got {frames.dtype} {frames.shape}"
            )
        return cls(_ArraySource(frames), name, fps)

    def __len__(self) -> int:
        return self._source.length

    def __repr__(self) -> str:
        return f"Clip({self.name!r}, {self.width}x{self.height}, {self.path or 'in memory'})"

    @property
    def height(self) -> int:
        return self._source.height

    @property
    def width(self) -> int:
        return self._source.width

    @property
    def named_frames(self) -> bool:
        """Whether frames have names of their own (picture files); a video's frames are only numbered."""
        return self._source.names is not None

    @property
    def frame_names(self) -> tuple[str, ...]:
        """A name a frame: the picture's file name without suffix, or the frame number as eight digits."""
        return self._source.names or tuple(f"{number:08d}" for number in range(len(self)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how the clip is read, a line each. Commands print them once a clip."""
        return getattr(self._source, "notes", ())

    @property
    def film(self) -> Film | None:
        """Frame times, sound and pixel shape of a clip that is a video file."""
        return getattr(self._source, "film", None)

    @property
    def remarks(self) -> list[str]:
        """`notes`, and what figures over the frames of a video do not show: pixels that are no squares, a
        rate that varies."""
        film = self.film
        return [*self.notes, *([] if film is None else film.oddities())]

    @property
    def lost_in_pictures(self) -> list[str]:
        """What of a video cannot be kept where its frames become pictures, in one line if anything."""
        film = self.film
        return [] if film is None else film.lost_in_pictures()

    def read(self, start: int, stop: int) -> Frames:
        """Frames start to stop - 1, uint8 RGB (stop - start, H, W, 3), a fresh array.

        IndexError outside 0 <= start <= stop <= len; InputError for a frame that cannot be read.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"frames {start} to {stop} of clip {self.name!r}, which has {len(self)}")
        return self._source.read(start, stop)

    def windows(
        self, size: int, context: int = 0, part: range | None = None
    ) -> Iterator[tuple[int, int, Frames]]:
        """The clip, or a part of its frames, in order, `size` new frames at a time, as (start, lead, frames).

        The first `lead` frames were in the window before and are repeated as context: none in the clip's
        first window, `context` (or as many as there are) in the others. `start` is the number of the window's
        first frame, so new frames begin at start + lead. The last window may be short.
        """
        part = range(len(self)) if part is None else part
        before = np.empty((0, self.height, self.width, 3), np.uint8)
        if part.start > 0 and context > 0:
            before = self.read(max(0, part.start - context), part.start)
        for first in range(part.start, part.stop, size):
            fresh = self.read(first, min(first + size, part.stop))
            frames = np.concatenate([before, fresh]) if len(before) else fresh
            yield first - len(before), len(before), frames
            before = frames[len(frames) - min(context, len(frames)) :].copy()

    def frames(self) -> Iterator[Frames]:
        """All frames one by one, (H, W, 3)."""
        for _, _, block in self.windows(_BLOCK):
            yield from block

    def __iter__(self) -> Iterator[Frames]:
        """All frames one by one, (H, W, 3)."""
        return self.frames()

    @overload
    def __getitem__(self, index: int) -> Frames: ...

    @overload
    def __getitem__(self, index: slice) -> Clip: ...

    def __getitem__(self, index: int | slice) -> Frames | Clip:
        """One frame (H, W, 3), or a part of the clip as a clip; both as of a list.

        IndexError for a frame that is not there; InputError for a part without frames or with a step.
        """
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1 or stop <= start:
                raise InputError(
                    f"clip {self.name!r}: a part must have at least one frame and no step, got "
                    f"[{start}:{stop}:{step}] of {len(self)} frames"
                )
            source = MappedSource(self._source, start=start, stop=stop)
            return Clip(source, self.name, self.fps, self.path)
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"frame {index} of clip {self.name!r}, which has {len(self)}")
        return self.read(number, number + 1)[0]

    def array(self) -> Frames:
        """All frames in memory, uint8 RGB (T, H, W, 3)."""
        return self.read(0, len(self))

    def renamed(self, name: str, fps: float | None = None) -> Clip:
        """The same frames under another name, or at another rate."""
        return Clip(self._source, name, self.fps if fps is None else fps, self.path)

    def mapped(self, change: FrameMap, size: tuple[int, int]) -> Clip:
        """The clip with its frames changed by a function when they are read.

        Args:
            change: Gets frames (n, H, W, 3) and the number of the first one, gives as many of `size`. It must
                be picklable (a module's function, or `functools.partial` of one) if the clip is sent to
                another process.
            size: Height and width of what it gives.
        """
        return Clip(MappedSource(self._source, change, size), self.name, self.fps, self.path)

    @property
    def changed(self) -> bool:
        """Whether the frames differ from the first ones of the file at `path`: mapped, or a later part."""
        return getattr(self._source, "changed", False)

    def write(self, path: str | Path) -> None:
        """Write the clip: without loss as a video where the name ends in .mkv or .avi, as H.264 to look at
        where it ends in .mp4, else as a folder of PNG pictures.

        InputError when something lies there already, for another video suffix, or when the disk is full.
        """
        place = Path(path)
        if is_there(place):
            raise InputError(f"{place}: is there already; remove it or choose another name")
        if place.suffix.lower() in VIDEO_SUFFIXES:
            codec: Codec = "h264" if place.suffix.lower() == ".mp4" else "ffv1"
            write_video(place, self.frames(), self.fps, codec)
        else:
            write_png_folder(place, self.frames(), self.frame_names)

    def head(self, count: int) -> Clip:
        """The first `count` frames as a clip; InputError if there are not as many."""
        if count > len(self):
            raise InputError(f"clip {self.name!r} has {counted(len(self), 'frame')}, {count} were asked for")
        if count == len(self):
            return self
        return self[:count]

    def digest(self) -> str:
        """SHA-256 of the decoded frames (see `degradations.digest`), computed once."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        hasher = FrameHasher(self.height, self.width)
        for _, _, block in self.windows(_BLOCK):
            hasher.update(block)
        return hasher.hexdigest()


class _ArraySource:
    """Frames in memory."""

    names: None = None

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self.length, self.height, self.width = frames.shape[:3]

    def read(self, start: int, stop: int) -> Frames:
        return self._frames[start:stop].copy()
