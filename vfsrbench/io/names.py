"""Names of which each gets a place of its own on every file system."""

from __future__ import annotations

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
    from vfsrbench.store import slug

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
