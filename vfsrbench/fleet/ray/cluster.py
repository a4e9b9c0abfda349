"""A Ray cluster: one that is there, or one of this machine alone, which is ended with the run."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from vfsrbench.engines.cores import cores
from vfsrbench.engines.gpus import visible_gpus
from vfsrbench.engines.local import cpu_workers, environment_with, worker_environments
from vfsrbench.errors import InputError
from vfsrbench.fleet.carried import carried
from vfsrbench.fleet.ray.options import RayOptions

OBJECT_STORE = 80 << 20
"""Bytes of Ray's shared memory on a node that we start: about the least that Ray takes. Paths travel, not
frames; the default, 30 % of the machine's memory, would be lost."""
STARTS = 3
"""Ray gives up a node whose helpers need more than 15 s to start, as on a busy machine or a slow disk; the
next time their files are in memory."""
PATIENCE = 10.0
"""Seconds until a cluster must have answered."""
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
"""No usage statistics; an actor without GPUs sees none."""
log = logging.getLogger(__name__)


class RayCluster:
    """The cluster that this process is connected to.

    Args:
        options: What was chosen.
    """

    def __init__(self, options: RayOptions) -> None:
        self.options = options
        nodes = self._alive()
        self.device = options.device or ("cuda" if any(n.get("GPU", 0) >= 1 for n in nodes) else "cpu")
        if self.device == "cuda" and not any(n.get("GPU", 0) >= 1 for n in nodes):
            raise InputError("engine option device=cuda: no node of the Ray cluster has a GPU")

    @property
    def cpus(self) -> int:
        """CPUs of each actor: what was chosen; else one, or a GPU's share of its machine's."""
        if self.options.cpus is not None:
            return self.options.cpus
        if self.device == "cpu":
            return 1
        shares = [int(n.get("CPU", 0) // n["GPU"]) for n in self._alive() if n.get("GPU", 0) >= 1]
        return max(1, min(shares, default=1))

    def rooms(self) -> int:
        """How many actors the nodes have room for, if nobody else uses them."""
        if self.device == "cuda":
            return sum(int(n.get("GPU", 0)) for n in self._alive())
        return sum(int(n.get("CPU", 0)) // self.cpus for n in self._alive())

    def is_alive(self, node: str) -> bool:
        """Whether a node is still there."""
        import ray

        return any(n["NodeID"] == node and n["Alive"] for n in ray.nodes())

    def requirements(self) -> dict[str, Any]:
        """What an actor asks Ray for, and the environment in which its process starts."""
        gpus = 1 if self.device == "cuda" else 0
        asked = self.cpus if self.options.cpus is not None or not gpus else 1
        return {
            "num_cpus": asked,
            "num_gpus": gpus,
            "max_restarts": 0,  # we replace them, when what they had is free
            "max_task_retries": 0,
            "scheduling_strategy": "SPREAD",
            "runtime_env": {"env_vars": actor_environment(os.environ, self.cpus)},
        }

    def _alive(self) -> list[Mapping[str, float]]:
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def actor_environment(ours: Mapping[str, str], cpus: int) -> dict[str, str]:
    """The environment of an actor's process, which stands before its interpreter starts.

    Ray sets OMP_NUM_THREADS itself only where it is not set: as for all our workers, the user's own value
    counts, else an actor has a thread a CPU; libraries that sum in another order with more threads have one.
    """
    threads = worker_environments(1, [])[0] | {"OMP_NUM_THREADS": ours.get("OMP_NUM_THREADS", str(cpus))}
    return {**carried(ours), **threads, **_SETTINGS}


@contextlib.contextmanager
def connected(
    options: RayOptions, workers: int | None, installed: Callable[[], None]
) -> Iterator[RayCluster]:
    """A cluster while the block lasts. One that was there before goes on afterwards.

    Args:
        options: What was chosen.
        workers: How many actors there shall be; None: as many as there is room for.
        installed: Called when Ray may have changed how this process takes signals.

    Raises:
        InputError: No cluster answers, or none can be started.
    """
    import ray

    if ray.is_initialized():  # by the caller's own program
        yield RayCluster(options)
        return
    with environment_with(_SETTINGS):
        try:
            if options.address:
                _reach(options.address)
                _init(address=options.address)
            else:
                _start(_own(options, workers))
            installed()
            yield RayCluster(options)
        finally:
            ray.shutdown()


def _own(options: RayOptions, workers: int | None) -> dict[str, Any]:
    """The node that is started on this machine."""
    gpus = 0 if options.device == "cpu" else len(visible_gpus())
    each = options.cpus or 1
    wanted = workers or max(1, cpu_workers() // each)
    return {
        "address": "local",
        "num_cpus": max(cores(), each) if gpus else wanted * each,
        "num_gpus": gpus,
        "object_store_memory": OBJECT_STORE,
        "include_dashboard": False,
    }


def _start(node: Mapping[str, Any]) -> None:
    import ray

    for left in reversed(range(STARTS)):
        try:
            _init(**node)
            return
        except InputError as error:
            ray.shutdown()
            if not left:
                raise
            log.warning("%s; it is tried again", error)


def _init(**where: Any) -> None:
    import ray

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of Ray 2.5x, on what _SETTINGS settles
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises bare ones, too
        what = (
            f"engine option address={where['address']}: cannot join the Ray cluster"
            if where["address"] != "local"
            else "engine 'ray': Ray does not start on this machine"
        )
        raise InputError(f"{what}: {reason_of(error)}") from error


def _reach(address: str) -> None:
    """InputError where nothing listens: Ray itself would try for minutes, and may end the process."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as error:
        raise InputError(
            f"engine option address={address}: nothing answers there ({error.strerror or error}); "
            "`ray start --head` starts a cluster and prints its address"
        ) from error


def reason_of(error: BaseException) -> str:
    """What an error of Ray's says, in one line without colours: the error that it hands on, or its first
    sentence."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()]
    handed_on = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b.*:", line)]
    return ([*handed_on[-1:], *lines] or [type(error).__name__])[0][:300]
