"""Shared by all tests: golden packs are read with `parity` (tests/parity/parity.py)."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator

import pytest

# two workers share a small machine: one thread a process is faster than many that wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# tables are as wide as they must be where nobody looks; pytest-xdist says 80 to its workers
os.environ.pop("COLUMNS", None)

# modules are compiled once, not by every program and worker process that tests start
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# a run started in the background ignores Ctrl-C, and so would the programs that tests interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests live to the end: the garbage collector never walks through their million objects,
    which would take half a second each time, a fifth of what the suite takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
