"""Threads beside the one that drives the networks: for metrics of the host, and for reading ahead."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

from vfsrbench.engines.cores import cores

T = TypeVar("T")
AHEAD = 2
"""Windows that are read before they are asked for."""


def own_cores() -> int:
    """This process's share of the cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(given)) if given.isdigit() else cores()


class HostPool:
    """Runs calls in threads, or at once in the caller's where there are none."""

    def __init__(self, threads: int) -> None:
        """`threads`: how many; 0: calls are run when they are handed in."""
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, "metrics") if threads else None

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """The outcome of a call, in future or already there."""
        if self._executor is not None:
            return self._executor.submit(call)
        done: Future[T] = Future()
        try:
            done.set_result(call())
        except Exception as error:
            done.set_exception(error)
        return done

    def close(self) -> None:
        """Drop what has not begun and wait for the rest."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)


@contextmanager
def host_pool(threads: int) -> Iterator[HostPool]:
    """A pool for the block."""
    pool = HostPool(threads)
    try:
        yield pool
    finally:
        pool.close()


def read_ahead(items: Iterable[T]) -> Generator[T]:
    """The items in their order, made by a thread of their own, `AHEAD` of them before they are asked for.

    An error of theirs is raised here. Close the generator to end the thread before the items end.
    """
    ready: Queue[tuple[T | None, BaseException | None]] = Queue(AHEAD)
    stopped = Event()

    def fill() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                ready.put((item, None))
                if stopped.is_set():
                    return
        except BaseException as raised:
            error = raised
        ready.put((None, error or StopIteration()))

    thread = Thread(target=fill, name="reading ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
            del item
    finally:
        stopped.set()
        while thread.is_alive():  # it may wait for room
            while not ready.empty():
                ready.get()
            thread.join(0.01)
