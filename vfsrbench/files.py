"""Names and files: natural order, safe names, and files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vfsrbench.errors import InputError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp"})
# pictures that we do not read: leaving them out in silence would drop frames
FOREIGN_SUFFIXES = frozenset({".webp", ".tif", ".tiff", ".gif", ".exr", ".ppm", ".jp2", ".avif", ".heic"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg"})
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which `f2` comes before `f10`; total, so that the order never depends on the disk."""
    parts = _DIGITS.split(name)
    return (*((0, int(p), p) if i % 2 else (1, 0, p) for i, p in enumerate(parts)), (2, 0, name))


def frame_key(name: str) -> int | str:
    """What a frame name says: its number if it is one (`7` and `00000007` are the same frame)."""
    return int(name) if name.isdecimal() else name


def check_name(name: str, what: str) -> str:
    """`name` back if it is one plain path component; InputError for `..`, separators and the like."""
    if name in {"", ".", ".."} or any(c in name for c in "/\\\0") or Path(name).is_absolute():
        raise InputError(f"{what} {name!r} cannot be a file name: it must not be empty, '..' or hold slashes")
    return name


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends without an error.

    The temporary name keeps the suffix. What stood at `target` is replaced. InputError when the disk is
    full or the folder cannot be written.
    """
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(target)
        try:
            yield temporary
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(target: Path, replace: bool = False) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its name when the block ends without an error.

    InputError when `target` holds something already, unless it may be replaced; when the disk is full;
    when the place cannot be written.
    """
    if not replace and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: is there already; remove it or choose another folder")
    with _disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(target)
        temporary.mkdir()
        try:
            yield temporary
            _swap_in(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _temporary(target: Path) -> Path:
    return target.parent / f".{uuid.uuid4().hex[:12]}.part{target.suffix}"


def _swap_in(folder: Path, target: Path) -> None:
    """Rename over `target`. A folder that is not empty cannot be renamed over, so it steps aside first."""
    while True:
        try:
            folder.rename(target)
            return
        except (FileExistsError, NotADirectoryError):
            pass
        except OSError:
            if not (target.is_dir() and any(target.iterdir())):
                raise
        aside = _temporary(target)
        try:
            target.rename(aside)
        except FileNotFoundError:
            continue  # another process moved it first
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink()


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise InputError(f"{target}: cannot be written: {os.strerror(error.errno)}") from error
