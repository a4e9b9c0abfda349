"""What users name: a bare name is looked up among what ships, a path says that it is one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from degradations.errors import InputError, did_you_mean

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")


def is_path(text: str) -> bool:
    """Whether the text names a file or folder: `./NAME`, `../NAME`, `~/NAME`, `/NAME`, `FOLDER/NAME`, `.` and
    `..`, or a path with a drive. No name of ours holds a slash; a bare name is never a path, whatever lies in
    the current folder."""
    windows = os.name == "nt" and "\\" in text
    return "/" in text or text in {".", "..", "~"} or windows or _DRIVE.match(text) is not None


def as_path(text: str) -> str:
    """The text of an option that takes paths alone, so that `is_path` holds."""
    return text if is_path(text) else f"./{text}"


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with a leading `~` resolved. InputError when there is no such home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(
            f"{os.fspath(path)}: no home folder is known for '~'; write the whole path"
        ) from None


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> InputError:
    """The error for a bare name that is not known: the nearest ones, and `./NAME` or `./NAME.toml` if it is
    here."""
    error = did_you_mean(kind, name, choices)
    place = Path(name)
    try:
        here = "" if not name else "folder" if place.is_dir() else "file" if place.is_file() else ""
        if name and not here and Path(f"{name}.toml").is_file():
            here, name = "file", f"{name}.toml"
    except (OSError, ValueError):
        here = ""
    if not here:
        return error
    return InputError(f"{error}; for the {here} of that name in the current folder, write ./{name}")
