"""Progress of a verb that does one thing after another."""

from __future__ import annotations

import sys
from typing import Any

from vfsrbench.cli.echo import say
from vfsrbench.cli.progress.bars import bars
from vfsrbench.cli.verbosity import Verbosity, verbosity
from vfsrbench.io.foreign_text import one_line


class StepBar:
    """A bar a step in a terminal; elsewhere a line when a step begins; nothing with `--quiet`."""

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
            if self._live is None and not self._quiet:
                say(one_line(what), err=True)
            self._lines[what] = (
                None
                if self._live is None
                else self._live.add_task(one_line(what), total=total or None, left="")
            )
        if self._live is not None:
            line = self._lines[what]
            self._live.update(line, completed=done, visible=done < total)
