"""Shared by all tests: golden packs are read with `parity` (tests/parity/parity.py)."""

from __future__ import annotations

import os
import signal

# two workers share a small machine: one thread a process is faster than many that wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# tables are as wide as they must be where nobody looks; pytest-xdist says 80 to its workers
os.environ.pop("COLUMNS", None)

# a run started in the background ignores Ctrl-C, and so would the programs that tests interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
