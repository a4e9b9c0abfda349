"""Folders of pictures as frames, in natural order, read and written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.io.atomic import atomic_directory, read_through
from vfsrbench.io.foreign_text import clean_name
from vfsrbench.io.formats import PICTURE_SUFFIXES, check_known
from vfsrbench.io.images.reader import read_first_picture, read_picture
from vfsrbench.io.names import check_name, natural_key
from vfsrbench.io.safety.paths import check_regular_file

__all__ = ["PictureSource", "encode_png", "list_pictures", "read_picture", "write_png_folder"]

Frames = NDArray[np.uint8]


def encode_png(frame: Frames, level: int = 1) -> bytes:
    """A uint8 RGB (H, W, 3) frame as a PNG file's bytes. `level`: zlib effort, 0 to 9."""
    import cv2

    done, data = cv2.imencode(".png", frame[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, level])
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return data.tobytes()


def list_pictures(folder: Path) -> list[Path]:
    """The folder's pictures in natural order; hidden files, known sidecars and folders are left out.

    Raises:
        InputError: A file lies there that is neither read nor known to be no frame; a folder, a pipe or the
            like is called like a picture; or two pictures share a name.
    """
    found: dict[str, Path] = {}
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: natural_key(entry.name))
    for entry in listed:
        path = folder / entry.name
        if path.suffix.lower() not in PICTURE_SUFFIXES or path.name.startswith("."):
            if not path.is_dir():
                check_known(path)
            continue
        if not entry.is_file(follow_symlinks=False):
            check_regular_file(path, "picture")
        if path.stem in found:
            raise InputError(f"{path}: {found[path.stem].name} has the same frame name; keep one of them")
        found[path.stem] = path
    return list(found.values())


class PictureSource:
    """Frames from picture files of equal size; only the first is read before frames are asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        if not files:
            raise InputError("a clip needs at least one picture")
        self._files = tuple(files)
        first, self.notes = read_first_picture(files[0])
        self.height, self.width = first.shape[:2]

    @classmethod
    def of_folder(cls, folder: Path) -> PictureSource:
        """All pictures of a folder. InputError when there are none."""
        files = list_pictures(folder)
        if not files:
            raise InputError(f"{folder}: holds no pictures")
        return cls(files)

    @property
    def length(self) -> int:
        return len(self._files)

    @property
    def names(self) -> tuple[str, ...]:
        """File names without suffix, spelled as `clean_name` does."""
        return tuple(clean_name(path.stem) for path in self._files)

    def read(self, start: int, stop: int) -> Frames:
        """Frames start to stop - 1 as uint8 RGB (n, H, W, 3). InputError when one has another size."""
        out = np.empty((stop - start, self.height, self.width, 3), np.uint8)
        for slot, path in zip(out, self._files[start:stop], strict=True):
            frame = read_picture(path)
            if frame.shape != slot.shape:
                raise InputError(
                    f"{path}: is {frame.shape[1]}x{frame.shape[0]}, but the clip's first frame "
                    f"{self._files[0].name} is {self.width}x{self.height}"
                )
            slot[...] = frame
        return out


def write_png_folder(
    path: str | Path,
    frames: Iterable[Frames],
    names: Iterable[str],
    replace: bool = False,
    mend: bool = False,
) -> None:
    """Write single uint8 RGB (H, W, 3) frames as `<path>/<name>.png`. The folder appears when it is complete.

    `replace` and `mend` are those of `atomic_directory`: ours takes the place of an earlier one.
    InputError when there is already something else, when a name is not a plain file name or comes twice,
    when frames cannot be read, or when the disk is full. ValueError when there are more frames than names or
    fewer.
    """
    with atomic_directory(Path(path), replace, mend) as folder:
        for frame, name in zip(read_through(frames, f"frames of {path}"), names, strict=True):
            picture = folder / f"{check_name(name, 'frame name')}.png"
            if os.path.lexists(picture):  # as the file system sees it: some do not tell `A` from `a`
                raise InputError(f"{path}: two frames are called {name!r}; give them different names")
            picture.write_bytes(encode_png(frame))
