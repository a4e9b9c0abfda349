"""How the notes on a clip reach the user: a line each on stderr, once a clip."""

from __future__ import annotations

from collections.abc import Iterable

from vfsrbench.cli.echo import say


def tell_notes(notes: Iterable[tuple[str, str]], most: int | None = None) -> None:
    """Print (clip, note) pairs; no more than `most`, and how many there are beside them."""
    listed = list(notes)
    for clip, note in listed[:most]:
        say(f"{clip}: {note}", err=True)
    if most is not None and len(listed) > most:
        say(f"... and {len(listed) - most} more notes on clips; the records have them all", err=True)
