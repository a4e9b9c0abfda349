"""How much the command line says: `--quiet` and `--verbose`, before or behind the verb."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum


class Verbosity(IntEnum):
    """QUIET: results and what went wrong. NORMAL: also progress and notes. VERBOSE: each step and job, and
    what the log has."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_CHOSEN: ContextVar[Verbosity] = ContextVar("verbosity", default=Verbosity.NORMAL)


def verbosity() -> Verbosity:
    """What was chosen for the command line that is being run."""
    return _CHOSEN.get()


def choose(level: Verbosity) -> None:
    """Holds until the end of the command line; the louder of two is taken."""
    if _CHOSEN.get() is Verbosity.NORMAL or level > _CHOSEN.get():
        _CHOSEN.set(level)


@contextmanager
def one_command_line() -> Iterator[None]:
    """What is chosen inside does not last longer; with VERBOSE, the package's log goes to stderr as well."""
    token = _CHOSEN.set(Verbosity.NORMAL)
    handler = _ToStderr()
    logger = logging.getLogger("vfsrbench")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        _CHOSEN.reset(token)


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if verbosity() is Verbosity.VERBOSE:
            from vfsrbench.io.foreign_text import many_lines

            print(
                many_lines(f"{record.levelname.lower()}: {record.getMessage()}"), file=sys.stderr, flush=True
            )
