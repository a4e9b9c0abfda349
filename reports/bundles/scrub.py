"""Nothing private in what is shared: paths, and the names of the user and the machine, are taken out."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_QUOTED = re.compile(r"""(['"])((?:/|~|[A-Za-z]:[\\/]|\\\\)[^'"]*)\1""")
_PLAIN = re.compile(
    r"(?<![\w.<:/~…-])(?:~[\w.-]*)?(?:/[\w.@%+~=,-]+){2,}/?"  # two steps or more: `and/or` and `1/4` are none
    r"|(?<![\w.<:/…-])/(?:root|home|Users|tmp|var|mnt|data|work|opt|scratch)\b/?"
    r"|(?<!\w)[A-Za-z]:[\\/][^\s'\",;()\]]+"
    r"|(?<!\\)\\\\[\w.-]+\\[^\s'\",;()\]]*"
)
_BEFORE, _REST = r"(?<![\w.-])", r"(?:[/\\][^\s'\",;()\]]*)?(?![\w-])"
_FREE = ("reason", "warnings", "unavailable", "imported")
"""Fields of a record in which anything may be said: names of the user and the machine are replaced there."""


@dataclass(frozen=True)
class Private:
    """What may not be in a bundle. `paths`: whole paths, the longest first; `words`: names, by what stands
    for them."""

    paths: tuple[str, ...] = ()
    words: Mapping[str, str] | None = None

    @classmethod
    def here(cls, places: Iterable[str | Path | None] = ()) -> Private:
        """That of this process: the home folder, the current one, these places; user and machine."""
        found: set[str] = set()
        for place in (Path.home(), Path.cwd(), *places):
            if place is not None:
                found |= {str(Path(place).absolute()), os.path.realpath(place)}
        longest = sorted((p for p in found if len(p) > 1), key=lambda p: (-len(p), p))
        words = {name: what for what, name in (("<user>", _user()), ("<host>", socket.gethostname())) if name}
        return cls(tuple(longest), words)

    def cleaned(self, text: str) -> str:
        """The text with paths shortened to their last name: `…/net.pth`."""
        if "/" not in text and "\\" not in text:
            return text
        for path in self.paths:
            if path in text:
                text = re.sub(_BEFORE + re.escape(path) + _REST, lambda m: _last(m[0]), text)
        text = _QUOTED.sub(lambda m: f"{m[1]}{_last(m[2])}{m[1]}", text)
        return _PLAIN.sub(lambda m: _last(m[0]), text)

    def cleaned_free(self, text: str) -> str:
        """The same, and without the names of the user and the machine."""
        text = self.cleaned(text)
        for word, stands_for in (self.words or {}).items():
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", stands_for, text)
        return text

    def tree(self, value: Any, free: bool = False) -> Any:
        """A JSON value with all its texts cleaned, keys too.

        Args:
            value: What `json.loads` gives.
            free: Whether its texts are free ones; those below the keys of such fields are in any case.
        """
        if isinstance(value, str):
            return self.cleaned_free(value) if free else self.cleaned(value)
        if isinstance(value, dict):
            return {self.cleaned(key): self.tree(inner, free or key in _FREE) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(inner, free) for inner in value]
        return value

    def found_in(self, data: bytes) -> str:
        """The first private path that is still in a file's bytes; empty if none is."""
        texts = (path for path in self.paths if path.count(os.sep) > 1 or len(path) > 4)
        return next((path for path in texts if _holds_path(data, path)), "")

    def words_in(self, data: bytes) -> list[str]:
        """Names of the user or the machine that stand in a file as words of their own."""
        return [
            word
            for word in self.words or {}
            if re.search(rb"(?<![\w-])" + re.escape(word.encode()) + rb"(?![\w-])", data)
        ]


def _holds_path(data: bytes, path: str) -> bool:
    return re.search(rb"(?<![\w.-])" + re.escape(path.encode()) + rb"(?![\w-])", data) is not None


def _last(path: str) -> str:
    """`…/` and a path's last name."""
    return "…/" + re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""
