"""Threads: how many torch sums with (one, where a number must not depend on the cores); sharing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """torch with `count` threads for the block (None: as many as it has); put back afterwards.

    torch cuts long sums and matrix products among its threads, so their last digits depend on the number.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Once:
    """A value that the first thread to ask for it computes while others wait."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._values: list[Any] = []

    def value(self, compute: Callable[[], Any]) -> Any:
        """The value; `compute` makes it if nobody has."""
        with self._lock:
            if not self._values:
                self._values.append(compute())
            return self._values[0]
