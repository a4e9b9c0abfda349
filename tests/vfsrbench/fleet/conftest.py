"""The Slurm and the Ray of the tests marked so: started once, ended when they are over."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

import pytest

from tests.vfsrbench.fleet.ray.cluster import Nodes
from tests.vfsrbench.fleet.slurm.cluster import Cluster, missing


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[Cluster]:
    if not os.environ.get("VFSRBENCH_SLURM"):
        pytest.skip("starts a Slurm: run with `make test-slurm`")
    if why := missing():
        pytest.skip(why)
    slurm = Cluster()
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        os.environ.pop("SLURM_CONF", None)


@pytest.fixture(scope="session")
def ray_here() -> None:
    """Ray is installed, and the tests may start it."""
    if not os.environ.get("VFSRBENCH_RAY"):
        pytest.skip("starts clusters of Ray: run with `make test-ray`")
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: `make ray` installs it")


@pytest.fixture(scope="session")
def nodes(ray_here: None) -> Iterator[Nodes]:
    """A cluster of two nodes."""
    found = Nodes(2)
    yield found
    found.stop()
