"""The command on a method's card: its words, and the files that it names."""

from __future__ import annotations

import hashlib
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from vfsrbench.card import MethodCard
from vfsrbench.errors import InputError
from vfsrbench.hashing.code import CODE_SUFFIXES, folder_digest
from vfsrbench.io.safety.paths import expanded

_PLACE = re.compile(r"\{(\w+)\}")
_OURS = frozenset({"python", "python3"})


def words_of(card: MethodCard, values: Mapping[str, object]) -> list[str]:
    """The command's words, placeholders replaced. They are split before, so that no value is taken apart.

    `python` alone, in front, is the Python that runs vfsrbench; a method's own environment goes by its path.

    Args:
        card: A card with a command.
        values: What stands for each placeholder.

    Raises:
        InputError: The command's quotes do not match, or a value is not known.
    """
    words = [_PLACE.sub(lambda found: _text(card, values, found[1]), word) for word in _split(card)]
    return [sys.executable, *words[1:]] if words[0] in _OURS else words


def _text(card: MethodCard, values: Mapping[str, object], name: str) -> str:
    if name not in values:
        raise InputError(f"method {card.name!r}: its command needs {{{name}}}, which is not known here")
    value = values[name]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _split(card: MethodCard) -> list[str]:
    try:
        words = shlex.split(card.command)
    except ValueError as error:
        raise InputError(f"method {card.name!r}: command: {error}: {card.command!r}") from None
    if not words:
        raise InputError(f"method {card.name!r}: its command is empty")
    return words


def files_digest(card: MethodCard, folder: Path) -> dict[str, str]:
    """A digest of each file and folder that a card's command names, by the name that it has there.

    Args:
        card: A card with a command.
        folder: Where the card lies, and the command is started.

    Raises:
        InputError: Something under `files` is not there.
    """
    found: dict[str, str] = {}
    for name in card.files:
        place = folder / expanded(name)
        if place.is_dir():
            found[name] = folder_digest(place, CODE_SUFFIXES)
        elif place.is_file():
            found[name] = _digest(place)
        else:
            raise InputError(f"method {card.name!r}: files: {place}: no such file or folder")
    for word in _split(card)[1:]:
        if word not in found and not _PLACE.search(word) and (folder / word).is_file():
            found[word] = _digest(folder / word)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
