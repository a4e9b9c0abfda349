"""Shared by all tests: golden packs are read with `parity` (tests/parity/parity.py)."""

from __future__ import annotations

import os
import signal

# two workers share a small machine: one thread a process is faster than many that wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a run started in the background ignores Ctrl-C, and so would the programs that tests interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
