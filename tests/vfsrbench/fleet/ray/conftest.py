"""The Ray of the tests marked `ray`: started once, ended when they are over."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests.vfsrbench.fleet.ray.cluster import Nodes


@pytest.fixture(scope="session")
def ray_here() -> None:
    if not os.environ.get("VFSRBENCH_RAY"):
        pytest.skip("starts clusters of Ray: run with `make test-ray`")
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: `make ray` installs it")


@pytest.fixture(scope="session")
def nodes(ray_here: None) -> Iterator[Nodes]:
    found = Nodes(2)
    yield found
    found.stop()
