"""What a process has for all its code: its environment, its handlers of signals, its settings."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


@contextmanager
def process_kept() -> Iterator[None]:
    """A worker chooses its device by the environment, and takes SIGTERM like Ctrl-C: of its own process."""
    before, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    yield
    os.environ.clear()
    os.environ.update(before)
    signal.signal(signal.SIGTERM, handler)


def answers(reads: Iterable[Callable[[], object]]) -> list[object]:
    """What each says; the error of one that refuses to, as where two interfaces of torch disagree."""
    found: list[object] = []
    for read in reads:
        try:
            found.append(read())
        except RuntimeError as error:
            found.append(str(error)[:40])
    return found
