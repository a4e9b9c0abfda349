"""How the notes on a clip reach the user: a line each on stderr, once a clip."""

from __future__ import annotations

from collections.abc import Iterable

from vfsrbench.cli.echo import note
from vfsrbench.errors import counted


def tell_notes(notes: Iterable[tuple[str, str]], most: int | None = None) -> None:
    """Print (clip, note) pairs; no more than `most`, and how many there are beside them."""
    listed = list(notes)
    for clip, text in listed[:most]:
        note(f"{clip}: {text}")
    if most is not None and len(listed) > most:
        note(f"... and {counted(len(listed) - most, 'more note')} on clips; the records have them all")
