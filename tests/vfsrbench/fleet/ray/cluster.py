"""A Ray cluster of several nodes on this machine, for tests."""

from __future__ import annotations

import time
from typing import Any

from vfsrbench.engines.local import environment_with
from vfsrbench.fleet.ray.cluster import OBJECT_STORE, STARTS

QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}


class Nodes:
    """`ray.cluster_utils.Cluster`, whose nodes are started again where Ray gave them up too early."""

    def __init__(self, count: int) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()
        self.nodes = [self.add() for _ in range(count)]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self) -> Any:
        for left in reversed(range(STARTS)):
            try:
                with environment_with(QUIET):
                    return self.cluster.add_node(
                        num_cpus=1,
                        object_store_memory=OBJECT_STORE,
                        include_dashboard=False,
                        include_log_monitor=False,
                        no_monitor=True,
                    )
            except Exception:
                if not left:
                    raise
                time.sleep(1)
        raise AssertionError

    def remove(self, node: Any) -> None:
        self.cluster.remove_node(node, allow_graceful=False)

    def stop(self) -> None:
        self.cluster.shutdown()
