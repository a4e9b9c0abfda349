"""The one family of errors that a user can cause; the command line turns it into one line, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 100


class InputError(ValueError):
    """Something the user gave is wrong. The message names the thing and the remedy, in one line.

    Example:
        >>> import vfsrbench as vb
        >>> try:
        ...     vb.metric("psnrr")
        ... except vb.InputError as error:
        ...     print(error)
        unknown metric 'psnrr': did you mean 'psnr' or 'psnr_y' or 'psnr_clip'?
    """


def counted(count: int, noun: str) -> str:
    """A number and its noun.

    Args:
        count: How many.
        noun: In the singular; its plural ends with "s".

    Returns:
        "1 clip", "2 clips", "0 clips".

    Example:
        >>> counted(1, "frame"), counted(12, "frame")
        ('1 frame', '12 frames')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def did_you_mean(kind: str, name: str, choices: Iterable[str]) -> InputError:
    """The error for an unknown `name` of some `kind`, with the nearest known names, or all of a few."""
    known = sorted(choices)
    # names are alike whatever the case: nearest as written first
    written = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    near = near or [
        written[one] for one in difflib.get_close_matches(name.casefold(), written, n=3, cutoff=0.5)
    ]
    if near:
        hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
    elif 0 < len(known) <= 12:
        hint = "known: " + ", ".join(known)
    else:
        command = "weights list" if kind == "checkpoint" else "list"
        hint = f"`vfsrbench {command}` shows what there is"
    shown = name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..."
    return InputError(f"unknown {kind} {shown!r}: {hint}")
