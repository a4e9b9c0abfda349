"""Which display a run gets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vfsrbench.cli.verbosity import Verbosity, verbosity

if TYPE_CHECKING:
    from vfsrbench.runs.progress import Progress


@contextmanager
def telling() -> Iterator[Progress]:
    """The display that fits where stderr goes and how much the user wants to read."""
    level = verbosity()
    if level is Verbosity.QUIET or not sys.stderr.isatty():
        from vfsrbench.cli.progress.plain import PlainProgress

        yield PlainProgress(level)
        return
    from vfsrbench.cli.progress.live import LiveProgress

    display = LiveProgress(level)
    with display.live:
        yield display
