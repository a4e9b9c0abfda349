"""Restored or decoded frames between two uses: raw bytes in a file, no clip is in memory whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degradations.digest import FrameHasher
from vfsrbench.errors import DiskError

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

Frames = NDArray[np.uint8]
_BLOCK = 16  # frames decoded at a time


@dataclass
class RawFrames:
    """uint8 RGB frames in a raw file: a source for a `Clip`. `names` are the frames' names."""

    path: Path
    length: int
    height: int
    width: int
    digest: str
    names: tuple[str, ...] | None = None

    def read(self, start: int, stop: int) -> Frames:
        """Frames start to stop - 1 as (n, height, width, 3)."""
        size = self.height * self.width * 3
        with self.path.open("rb") as file:
            file.seek(start * size)
            data = np.fromfile(file, np.uint8, (stop - start) * size)
        return data.reshape(stop - start, self.height, self.width, 3)


class RawWriter:
    """Writes frames to a raw file in order, hashing them on the way. Use it in a `with` block."""

    def __init__(self, path: Path, height: int, width: int) -> None:
        self.path = path
        self.height = height
        self.width = width
        with self._disk_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
            self.restart()

    def restart(self) -> None:
        """Forget every frame written so far."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = FrameHasher(self.height, self.width)
        self.length = 0

    def write(self, frames: Frames) -> None:
        """Append (n, height, width, 3) frames. DiskError when the disk is full."""
        with self._disk_errors():
            self._file.write(np.ascontiguousarray(frames).data)
        self._hash.update(frames)
        self.length += len(frames)

    def done(self, names: tuple[str, ...] | None = None) -> RawFrames:
        """Close the file and say what is in it. DiskError when the disk is full."""
        with self._disk_errors():
            self._file.close()
        digest = self._hash.hexdigest()
        return RawFrames(self.path, self.length, self.height, self.width, digest, names)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DiskError(
                f"{self.path.parent}: cannot be written ({error.strerror}); "
                "free some disk or choose another place"
            ) from error

    def __enter__(self) -> RawWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.close()
            return
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


class DecodedFrames:
    """Clips that were decoded for their digest, kept raw for whoever reads them next.

    `kept` has their frames by digest.

    Args:
        folder: Where the raw files go. Whoever made it removes it.
        limit: Bytes that they may take. Clips beyond are decoded again when they are read.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.kept: dict[str, RawFrames] = {}
        self._folder, self._left = folder, limit

    def digest(self, clip: Clip) -> str:
        """The clip's digest (`Clip.digest`). InputError when a frame cannot be read."""
        size = len(clip) * clip.height * clip.width * 3
        if size > self._left:
            return clip.digest()
        path = self._folder / f"{len(self.kept)}.raw"
        try:
            with RawWriter(path, clip.height, clip.width) as sink:
                for _, _, block in clip.windows(_BLOCK):
                    sink.write(block)
                raw = sink.done(clip.frame_names if clip.named_frames else None)
        except DiskError:
            self._left = 0
            return clip.digest()
        if raw.digest in self.kept:
            path.unlink()
        else:
            self.kept[raw.digest] = raw
            self._left -= size
        return raw.digest
