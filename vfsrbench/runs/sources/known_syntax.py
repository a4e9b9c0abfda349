"""What our sources say, kept from one command to the next: parsing them takes longer than reading them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.hashing.code import SourceTree
from vfsrbench.hashing.syntax import Syntax
from vfsrbench.io.safety.sealed import read_note, write_note

_KIND = "syntax-1"
MOST = 4000
"""Files that a note knows, old states of them included; beyond it starts anew."""


@contextmanager
def known_syntax(tree: SourceTree, note: Path) -> Iterator[None]:
    """Digests of `tree` taken meanwhile start from what `note` knows, which learns what it does not.

    Every file is read nevertheless: what it says is known by its content alone, so the digests are those that
    they are without a note. A note that is damaged, or cannot be written, counts as none; no folder is
    made for it.
    """
    before = _read(note)
    tree.syntax |= {name: syntax for name, syntax in before.items() if name not in tree.syntax}
    yield
    if tree.syntax.keys() - before.keys() and note.parent.is_dir():
        try:
            write_note(note, _KIND, {name: list(syntax) for name, syntax in sorted(tree.syntax.items())})
        except (InputError, OSError):
            return


def _read(note: Path) -> dict[str, Syntax]:
    try:
        kept = read_note(note, _KIND)
        if len(kept) > MOST:
            return {}
        return {
            name: Syntax(digest, tuple(names), tuple(data)) for name, (digest, names, data) in kept.items()
        }
    except (FileNotFoundError, DamagedFile, InputError, LookupError, TypeError):
        return {}
