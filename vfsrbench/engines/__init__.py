"""Where a run's tasks are done: in this process, or in one process a GPU."""

from __future__ import annotations

from degradations.reading.limits import MOST_WORKERS
from vfsrbench.engines.base import Engine
from vfsrbench.errors import InputError, did_you_mean

ENGINES = ("local", "serial")


def get_engine(name: str = "local", workers: int | None = None) -> Engine:
    """The engine of that name. `workers`: processes of the local one (default: one a GPU, or by cores)."""
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"--workers must be at least 1 and at most {MOST_WORKERS}, got {workers}")
    if name == "serial":
        from vfsrbench.engines.serial import SerialEngine

        return SerialEngine()
    if name == "local":
        from vfsrbench.engines.local import LocalEngine

        return LocalEngine(workers)
    raise did_you_mean("engine", name, ENGINES)
