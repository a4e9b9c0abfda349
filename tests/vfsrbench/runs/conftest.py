"""A small data set for tests of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.boards import data_set


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_set(tmp_path / "data")
