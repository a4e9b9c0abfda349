"""Progress of a verb that does one thing after another."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from vfsrbench.cli.echo import say
from vfsrbench.cli.progress.bars import bars
from vfsrbench.cli.verbosity import Verbosity, verbosity
from vfsrbench.io.foreign_text import one_line

EVERY = 10.0
"""Seconds between two lines of progress."""


class Paced:
    """Says what is begun, on stderr: a line every `EVERY` seconds at most, each with `--verbose`, none with
    `--quiet`. A hundred clips are no hundred lines.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = -EVERY

    def __call__(self, text: str) -> None:
        level, now = verbosity(), self._clock()
        if level is Verbosity.QUIET or (level is not Verbosity.VERBOSE and now - self._last < EVERY):
            return
        self._last = now
        say(one_line(text), err=True)


class StepBar:
    """A bar a step in a terminal; elsewhere a line every some seconds; nothing with `--quiet`."""

    def __init__(self, tell: Paced | None = None) -> None:
        """`tell` says the lines, and may be that of several bars one after the other."""
        self._tell = tell or Paced()

    def __enter__(self) -> StepBar:
        self._live: Any = None
        self._lines: dict[str, Any] = {}
        self._quiet = verbosity() is Verbosity.QUIET
        if sys.stderr.isatty() and not self._quiet:
            self._live = bars()
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def on_progress(self, what: str, done: int, total: int) -> None:
        """`done` of `total` of the step called `what` are behind us."""
        if what not in self._lines:
            if self._live is None:
                self._tell(what)
            self._lines[what] = (
                None
                if self._live is None
                else self._live.add_task(one_line(what), total=total or None, left="")
            )
        if self._live is not None:
            line = self._lines[what]
            self._live.update(line, completed=done, visible=done < total)
