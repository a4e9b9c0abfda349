"""What was made on a fake device must not outlive its test."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

NETWORKS = ("baselines.", "vfsrbench.faces.", "vfsrbench.metrics.")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Constants that networks keep between calls were made of fake tensors here: they are made anew."""
    yield
    for name, module in list(sys.modules.items()):
        if name.startswith(NETWORKS):
            for value in list(vars(module).values()):
                clear = getattr(value, "cache_clear", None)
                if callable(clear):
                    clear()
