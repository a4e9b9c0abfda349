"""Notes that reports keep from one to the next: a sealed table of what is known, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.safety.sealed import read_note, write_note


def known_of(note: Path | None, kind: str, most: int) -> dict[str, Any]:
    """What a note says; nothing where there is none, it is damaged or of another kind, or it has more than
    `most` entries: it starts anew then."""
    if note is None:
        return {}
    try:
        known = read_note(note, kind)
    except (FileNotFoundError, DamagedFile, InputError):
        return {}
    return known if len(known) <= most else {}


def keep_known(note: Path | None, kind: str, known: Mapping[str, Any]) -> None:
    """Write the note if its folder is there. Where that cannot be, nothing is kept."""
    if note is None or not note.parent.is_dir():
        return
    try:
        write_note(note, kind, dict(known))
    except (InputError, OSError):
        return
