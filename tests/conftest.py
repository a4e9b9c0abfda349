"""Shared by all tests: golden packs are read with `parity` (tests/parity/parity.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# two workers share a small machine: one thread a process is faster than many that wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent / "parity"))
