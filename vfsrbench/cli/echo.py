"""What the command line prints."""

from __future__ import annotations

import sys

from vfsrbench.cli.verbosity import Verbosity, verbosity
from vfsrbench.io.foreign_text import many_lines


def say(text: str = "", err: bool = False, nl: bool = True) -> None:
    """Print to stdout, or to stderr with `err`; nothing in `text` acts on the terminal.

    Names of files and messages of libraries are in what is printed: control characters in them are shown
    escaped, line ends and tabs stay. The streams are those of `vfsrbench.cli.streams`.
    """
    print(many_lines(text), file=sys.stderr if err else sys.stdout, end="\n" if nl else "", flush=True)


def note(text: str) -> None:
    """Print to stderr what a user may want to know, but with `--quiet`: not results, and nothing that went
    wrong."""
    if verbosity() is not Verbosity.QUIET:
        say(text, err=True)
