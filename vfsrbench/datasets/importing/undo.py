"""What a tool did to a clip's size and length, undone where that is exactly known.

Written as one word each:

    cropN       it kept the largest part, from the centre, whose sides are multiples of N: what it cut away is
                not in the outputs, so they serve only where nothing was cut
    padN        it enlarged the sides at the bottom and right to multiples of N: cut off again
    framesAnB   it repeated the last frame until there were A n + B frames (`frames8n1`): cut off again

What none of these explains is refused: a guess would shift every figure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vfsrbench.errors import InputError, counted

_WORDS = re.compile(r"(?P<kind>crop|pad)(?P<n>[1-9]\d{0,3})|frames(?P<a>[1-9]\d{0,2})n(?P<b>\d{1,2})")
FORMS = "cropN (crop128), padN (pad16) or framesAnB (frames8n1)"


@dataclass(frozen=True)
class Extent:
    """How many frames a clip has, and how large they are."""

    frames: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{counted(self.frames, 'frame')} of {self.width}x{self.height}"


@dataclass(frozen=True)
class Undo:
    """One thing that a tool does. `n` is the multiple, `rest` what is added to it (frames only)."""

    word: str
    kind: Literal["crop", "pad", "frames"]
    n: int
    rest: int = 0

    @property
    def about(self) -> str:
        """What it changes: two that change the same cannot both be undone."""
        return "number of frames" if self.kind == "frames" else "size"

    def made(self, wanted: Extent) -> Extent:
        """What the tool makes of a clip of which `wanted` is to be scored."""
        if self.kind == "frames":
            return Extent(_up(wanted.frames - self.rest, self.n) + self.rest, wanted.height, wanted.width)
        fit = _up if self.kind == "pad" else _down
        return Extent(wanted.frames, fit(wanted.height, self.n), fit(wanted.width, self.n))


def parse_undo(word: str) -> Undo:
    """The thing that a word stands for.

    Raises:
        InputError: No such word.

    Example:
        >>> parse_undo("frames8n1").made(Extent(24, 512, 512)).frames
        25
    """
    match = _WORDS.fullmatch(word)
    if match is None:
        raise InputError(f"--undo {word!r} is not known: write {FORMS}")
    if match["kind"]:
        return Undo(word, "crop" if match["kind"] == "crop" else "pad", int(match["n"]))
    return Undo(word, "frames", int(match["a"]), int(match["b"]))


def parse_all(words: Sequence[str]) -> tuple[Undo, ...]:
    """All words. InputError for an unknown one, and for two that change the same."""
    found: dict[str, Undo] = {}
    for word in words:
        undo = parse_undo(word)
        if undo.about in found:
            both = f"{found[undo.about].word} and {word}"
            raise InputError(f"--undo {both}: both change the {undo.about}; say the one that the tool did")
        found[undo.about] = undo
    return tuple(found.values())


def check_undo(undone: Sequence[Undo], made: Extent, wanted: Extent, what: str) -> None:
    """Whether cutting outputs of extent `made` to `wanted` (their beginning, their top left) undoes what the
    tool did.

    Args:
        undone: What the tool did.
        made: The outputs as they are.
        wanted: What is to be scored.
        what: Names the outputs in messages.

    Raises:
        InputError: They have not the extent that the tool makes, or lack what is to be scored.
    """
    for undo in undone:
        expected = undo.made(wanted)
        if undo.kind == "crop" and expected != wanted:
            raise InputError(
                f"{what}: {undo.word} cuts {wanted.width}x{wanted.height} to "
                f"{expected.width}x{expected.height}; what was cut away is not in the outputs and cannot be "
                f"brought back: restore clips whose sides are multiples of {undo.n}"
            )
    expected = wanted
    for undo in undone:
        expected = undo.made(expected)
    for about, got, least, most in (
        ("frames", made.frames, wanted.frames, expected.frames),
        ("rows", made.height, wanted.height, expected.height),
        ("columns", made.width, wanted.width, expected.width),
    ):
        if got < least:
            lost = (
                f"the last {least - got} are not in the outputs"
                if about == "frames"
                else "some were cut away"
            )
            raise InputError(
                f"{what}: {got} {about} where {least} are to be scored: {lost}; restore them again, with the "
                "clips padded first where the tool cuts (docs/import.md)"
            )
        if got not in (least, most):
            said = " and ".join(undo.word for undo in undone) or "nothing"
            raise InputError(
                f"{what}: {got} {about} where {least} are to be scored; {said} given with --undo explains "
                f"{'only ' + str(most) if most != least else 'no difference'} (known: {FORMS})"
            )


def _up(value: int, n: int) -> int:
    return max(0, -(-value // n) * n)


def _down(value: int, n: int) -> int:
    return value // n * n
