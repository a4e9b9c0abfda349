"""Signals of a run that starts workers: Ctrl-C and SIGTERM stop it, whatever a library did to them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals() -> Iterator[Callable[[], None]]:
    """While the block lasts, SIGTERM stops the run like Ctrl-C.

    A signal that was ignored when the block began (a run that was started in the background) stays so.
    Afterwards all is as it was. In another thread than the main one nothing changes.

    Yields:
        Installs the handlers anew: to be called when a library may have replaced them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.getsignal(number) for number in _STOPS}

    def install() -> None:
        for number, handler in before.items():
            ignored = handler is signal.SIG_IGN
            signal.signal(number, signal.SIG_IGN if ignored else signal.default_int_handler)

    install()
    try:
        yield install
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
