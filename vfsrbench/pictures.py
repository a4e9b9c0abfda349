"""Folders of pictures as frames: PNG, JPEG and BMP in natural order, read and written."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.files import (
    FOREIGN_SUFFIXES,
    PICTURE_SUFFIXES,
    check_name,
    natural_key,
    read_through,
    whole_folder,
)

Frames = NDArray[np.uint8]


def read_picture(path: Path) -> Frames:
    """The picture as uint8 RGB (H, W, 3).

    Grey becomes RGB, transparency is dropped. InputError names the file when it is missing, empty,
    truncated, no picture, or has more than 8 bits a channel.
    """
    from PIL import Image

    data = _bytes(path)
    if not data:
        raise InputError(f"{path}: is empty (0 bytes); write the frame again")
    if data[1:4] == b"PNG" and data[24:25] == b"\x10":  # Pillow would cut 16-bit colour to 8 unasked
        raise InputError(f"{path}: has 16 bits a channel; convert it to 8 bits")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data)) as picture:
                if picture.mode.startswith(("I", "F")):
                    raise InputError(f"{path}: has more than 8 bits a channel; convert it to 8 bits")
                return np.array(picture.convert("RGB"), dtype=np.uint8)
    except InputError:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds for damaged files
        raise InputError(
            f"{path}: cannot be read as a picture, it may be truncated ({_line(error)})"
        ) from None


def encode_png(frame: Frames, level: int = 1) -> bytes:
    """A uint8 RGB (H, W, 3) frame as a PNG file's bytes. `level`: zlib effort, 0 to 9."""
    import cv2

    done, data = cv2.imencode(".png", frame[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, level])
    if not done:
        raise RuntimeError("OpenCV could not encode a PNG")
    return data.tobytes()


def list_pictures(folder: Path) -> list[Path]:
    """The folder's pictures in natural order; other files, hidden ones and folders are left out.

    InputError when pictures of a format that is not read lie there, or two pictures share a name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in PICTURE_SUFFIXES | FOREIGN_SUFFIXES:
            continue
        if suffix in FOREIGN_SUFFIXES:
            raise InputError(f"{path}: {suffix[1:]} pictures are not read; convert them to PNG")
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
        self.height, self.width = read_picture(files[0]).shape[:2]

    @classmethod
    def of_folder(cls, folder: Path) -> PictureSource:
        """All pictures of a folder. InputError when there are none."""
        files = list_pictures(folder)
        if not files:
            raise InputError(f"{folder}: holds no PNG, JPEG or BMP pictures")
        return cls(files)

    @property
    def length(self) -> int:
        return len(self._files)

    @property
    def names(self) -> tuple[str, ...]:
        """File names without suffix."""
        return tuple(path.stem for path in self._files)

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

    `replace` and `mend` are those of `whole_folder`: a folder that we made takes the place of an earlier one.
    InputError when there is already something else, when a name is not a plain file name or comes twice,
    when frames cannot be read, or when the disk is full. ValueError when there are more frames than names or
    fewer.
    """
    with whole_folder(Path(path), replace, mend) as folder:
        for frame, name in zip(read_through(frames, f"frames of {path}"), names, strict=True):
            picture = folder / f"{check_name(name, 'frame name')}.png"
            if os.path.lexists(picture):  # as the file system sees it: some do not tell `A` from `a`
                raise InputError(f"{path}: two frames are called {name!r}; give them different names")
            picture.write_bytes(encode_png(frame))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _line(error: Exception) -> str:
    text = (str(error) or type(error).__name__).splitlines()[0]
    return "unknown format" if "cannot identify" in text else text
