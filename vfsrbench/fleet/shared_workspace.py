"""A workspace as a worker with a lease uses it: no lock of a silent worker stops it, no lost lease writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, Timeout

from vfsrbench.results.job import Result
from vfsrbench.results.store import Features, Store
from vfsrbench.results.workspace import Workspace

POLL = 1.0
"""Seconds between two looks at whether a lock's holder is silent."""


class SharedWorkspace(Workspace):
    """The workspace, for one worker of many.

    Args:
        root: The folder.
        silent: Whether a worker of the plan is silent. Locks only spare double work, as files appear whole
            and are the same whoever writes them: a lock that a silent worker may hold is done without.
        confirm: Raises where this worker's lease is lost. It is called before results are written.
    """

    def __init__(self, root: Path, silent: Callable[[], bool], confirm: Callable[[], None]) -> None:
        super().__init__(root)
        self.store = _GuardedStore(self.store.root, confirm)
        self._silent = silent

    def lock(self, name: str) -> BaseFileLock:
        """As `Workspace.lock`; waiting for it ends when a worker of the plan is found silent."""
        lock: Any = _YieldingLock(super().lock(name), self._silent)
        return lock  # type: ignore[no-any-return]


class _YieldingLock:
    """What our code uses of a `BaseFileLock`."""

    def __init__(self, lock: BaseFileLock, silent: Callable[[], bool]) -> None:
        self._lock, self._silent = lock, silent

    def acquire(self, timeout: float | None = None) -> None:
        if timeout is not None:
            self._lock.acquire(timeout=timeout)
            return
        while True:
            try:
                self._lock.acquire(timeout=POLL)
                return
            except Timeout:
                if self._silent():
                    return
            except (OSError, NotImplementedError):  # a file system without locks
                return

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


class _GuardedStore(Store):
    """Asks before each write whether the lease is still this worker's."""

    def __init__(self, root: Path, confirm: Callable[[], None]) -> None:
        super().__init__(root)
        self._confirm = confirm

    def write(self, result: Result) -> Path:
        self._confirm()
        return super().write(result)

    def write_features(self, place: tuple[str, str, str, str], metric: str, key: str, array: Features) -> str:
        self._confirm()
        return super().write_features(place, metric, key, array)

    def write_truth_features(self, digest: str, metric: str, key: str, array: Features) -> str:
        self._confirm()
        return super().write_truth_features(digest, metric, key, array)
