"""Checks of what users name, made before anything is opened or allocated."""

from __future__ import annotations

import os
from pathlib import Path

from degradations.reading.limits import MOST_PIXELS
from degradations.reading.names import as_path, expanded, is_path, unknown_name
from degradations.reading.regular_file import check_regular_file, is_there, read_bytes
from vfsrbench.errors import InputError

__all__ = [
    "MOST_PIXELS",
    "as_path",
    "check_pixels",
    "check_regular_file",
    "expanded",
    "is_path",
    "is_there",
    "read_bytes",
    "unknown_name",
    "user_cache",
]


def user_cache() -> Path | None:
    """The platform's cache folder for vfsrbench; None for a user without a home folder."""
    import platformdirs

    try:
        found = Path(platformdirs.user_cache_dir("vfsrbench"))
    except (RuntimeError, KeyError):
        return None
    return found if found.is_absolute() else None  # "~/.cache" stays as it is without a home folder


def check_pixels(where: str | os.PathLike[str], width: int, height: int) -> None:
    """InputError when frames of this size are larger than MOST_PIXELS, or empty. `where` names them."""
    if width < 1 or height < 1:
        raise InputError(f"{os.fspath(where)}: frames of {width}x{height} pixels are empty")
    if width * height > MOST_PIXELS:
        raise InputError(
            f"{os.fspath(where)}: frames of {width}x{height} pixels are too large; {MOST_PIXELS} pixels are "
            "the most (8192x8192)"
        )
