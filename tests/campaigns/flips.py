"""One bit flipped at place after place of a file, and what its reader makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vfsrbench.errors import InputError


@dataclass(frozen=True)
class Kind:
    """A kind of file: one of them, and how it is read.

    `read` gives what the program takes from the file, or None if it makes that again; an InputError that
    names the file counts as None, unless the file must be read (`needed`).
    """

    path: Path
    read: Callable[[], Any]
    needed: bool = False


@dataclass
class Tally:
    """How many flips were tried, how many the program noticed, and which went wrong."""

    tried: int = 0
    noticed: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.tried - len(self.wrong)


def flips(path: Path, stride: int) -> Iterator[str]:
    """Flip one bit of every so manieth byte, one after the other; the file is whole again after each."""
    whole = path.read_bytes()
    for place in range(0, len(whole), stride):
        bit = (place // stride) % 8
        with path.open("r+b") as file:
            os.pwrite(file.fileno(), bytes([whole[place] ^ 1 << bit]), place)
            before = os.fstat(file.fileno())
        yield f"bit {bit} of byte {place} of {path.name}"
        after = path.stat() if path.exists() else None
        if after is not None and (after.st_ino, after.st_size) == (before.st_ino, len(whole)):
            with path.open("r+b") as file:
                os.pwrite(file.fileno(), whole[place : place + 1], place)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(whole)
    assert path.read_bytes() == whole


def try_all(kind: Kind, stride: int) -> Tally:
    """Read the file with each flip: what is taken from it must be what was written, or nothing."""
    expected, tally = kind.read(), Tally()
    assert expected is not None
    for what in flips(kind.path, stride):
        tally.tried += 1
        try:
            found = kind.read()
        except InputError as error:
            found = None
            if kind.needed or "\n" in str(error):
                tally.wrong.append(f"{what}: {error}")
        except Exception as error:
            tally.wrong.append(f"{what}: {type(error).__name__}: {error}")
            continue
        tally.noticed += found is None
        if found is not None and found != expected:
            tally.wrong.append(f"{what}: read otherwise")
    return tally
