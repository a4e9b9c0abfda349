"""The Slurm of the tests marked `slurm`: started once, ended when they are over."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

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
