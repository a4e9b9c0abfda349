"""What a check of a container finds, and how it is worded."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Literal

_EMPTY = 64

Data = mmap.mmap | bytes
"""A whole file, mapped rather than read."""


@dataclass(frozen=True)
class Damage:
    """`what` names what was found of what, for a message. A file that is `open` is in order as far as one
    can see, but nothing in it says where it ends."""

    kind: Literal["truncated", "damaged", "open"]
    what: str


def open_ended(what: str) -> Damage:
    """The file does not say where it ends."""
    return Damage("open", what)


def cut_at(data: Data, end: int, part: str) -> Damage:
    """The file ends inside a part that goes on until byte `end`."""
    return Damage("truncated", f"it ends at byte {len(data)} inside {part}, which ends at byte {end}")


def empty_end(data: Data) -> Damage | None:
    """Nothing but zeros at the end, as in a file whose space was set aside before it was copied whole."""
    if any(data[max(len(data) - _EMPTY, 0) :]):
        return None
    return Damage("damaged", f"its last {_EMPTY} bytes or more are zeros")


def broken_at(position: int, what: str) -> Damage:
    """The file's structure breaks off at a byte."""
    return Damage("damaged", f"{what} at byte {position}")
