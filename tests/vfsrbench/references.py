"""Other people's packages that our code is compared with in slow tests."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def reference(name: str) -> Any:
    """A module of a reference package. `make test-slow` installs them; there a missing one is a failure."""
    if os.environ.get("VFSRBENCH_REFERENCES"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason="`make test-slow` installs it")
