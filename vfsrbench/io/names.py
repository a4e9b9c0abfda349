"""Names of which each gets a place of its own on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from vfsrbench.errors import InputError


def check_unique(names: Iterable[tuple[str, Path | None]], what: str, root: Path | str = "") -> None:
    """Do nothing if no two names could come to lie in one place.

    Args:
        names: Names, each with the path that it comes from, where there is one.
        what: What is named, in the plural: `clips`.
        root: Where they were found; begins the message.

    Raises:
        InputError: Two names are equal, differ only by case or by Unicode normalisation, or get one file
            name. Both are shown escaped.
    """

    seen: dict[str, tuple[str, Path | None]] = {}
    head = f"{root}: " if str(root) else ""
    for name, path in names:
        keys = (f"name {folded(name)}", f"file {slug(name).casefold()}")
        for key in keys:
            if key not in seen:
                continue
            other, elsewhere = seen[key]
            first, second = _shown(other, elsewhere), _shown(name, path)
            if other == name:
                places = "" if path is None else f" ({_path(elsewhere)} and {_path(path)})"
                raise InputError(f"{head}two {what} are called {name!a}{places}; rename one")
            raise InputError(
                f"{head}two {what} have names that some file systems do not tell apart (case or Unicode "
                f"form): {first} and {second}; rename one"
            )
        seen |= dict.fromkeys(keys, (name, path))


def folded(name: str) -> str:
    """The name without what a file system may ignore: case and the choice among equivalent characters."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", plain)


def _shown(name: str, path: Path | None) -> str:
    return ascii(name) if path is None else f"{name!a} ({_path(path)})"


def _path(path: Path | None) -> str:
    """A path, escaped where it is not ASCII."""
    text = str(path)
    return text if text.isascii() and text.isprintable() else ascii(text)


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


_MOST_BYTES = 200
_NO_FILE_NAME = re.compile(r'[<>:"/\\|?*]|^[ .-]|[ .]$|~[0-9a-f]{8}$')


def file_name(name: str) -> str:
    """What a file of the user's is called that belongs to `name`: that itself, with its spaces and accents,
    where every file system takes it; else its `slug`.

    Example:
        >>> file_name("Anna Müller"), file_name("a:b")
        ('Anna Müller', 'a_b~6783a31e')
    """
    if not name.isprintable() or _NO_FILE_NAME.search(name) or _RESERVED.fullmatch(name):
        return slug(name)
    return name if 0 < len(name.encode()) <= _MOST_BYTES else slug(name)


def is_called(name: str, *called: str) -> bool:
    """Whether one of these files or folders is that of `name`: called so, or by its `slug` or `file_name`."""
    return not {name, slug(name), file_name(name)}.isdisjoint(called)


_UNSAFE = re.compile(r"[^A-Za-z0-9_.+=,-]")
_LONGEST = 100
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def slug(name: str) -> str:
    """`name` as one safe path component. Plain names stay as they are; others get a hash, so that two
    different names never share a slug."""
    safe = _UNSAFE.sub("_", name)[:_LONGEST]
    if safe == name and name[:1] not in {"", ".", "-"} and name[-1] != "." and not _RESERVED.fullmatch(name):
        return name
    return f"{safe.strip('.-')}~{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
