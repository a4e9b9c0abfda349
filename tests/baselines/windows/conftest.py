"""The small networks, built once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.baselines.windows.small import small


@pytest.fixture(scope="session")
def dicface() -> Any:
    return small("dicface")


@pytest.fixture(scope="session")
def pgtformer() -> Any:
    return small("pgtformer")
