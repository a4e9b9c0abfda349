"""`--engine ray`: a run plans, starts actors that take units by leases, replaces dead ones, and reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vfsrbench.engines.base import Event, EventListener, LostTaskHandler, Outcomes, WorkerFactory
from vfsrbench.errors import InputError, counted
from vfsrbench.fleet.engine import WorkersEngine
from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.fleet.ray.actors import Actors
from vfsrbench.fleet.ray.cluster import RayCluster, connected
from vfsrbench.fleet.ray.options import KNOWN, RayOptions, check_installed
from vfsrbench.fleet.signals import stopped_by_signals


@dataclass
class RayEngine(WorkersEngine):
    """Workers that are actors of a Ray cluster, one a GPU or so many CPUs.

    `workers`: their number (default: as many as the cluster has room for, also on nodes that come later).
    Ctrl-C and SIGTERM stop them, and with them the cluster, if this run started it.
    `options`: see `fleet.ray.options`.
    """

    name: str = "ray"
    known_options: ClassVar[tuple[str, ...]] = KNOWN
    _cluster: RayCluster | None = field(default=None, init=False, repr=False)
    _actors: Actors | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        check_installed()
        self.chosen = RayOptions.of(self.options)
        self.options = {"silence": self.chosen.silence} if self.chosen.silence else {}
        super().__post_init__()

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        if not self.wait:
            raise InputError(
                "--no-wait: the actors of engine 'ray' end with the run; use --engine workers and start "
                "`vfsrbench worker` by other means"
            )
        if not tasks:
            return
        self._say = lambda line: on_event(tasks[0], Event(None, line))
        with stopped_by_signals() as install, connected(self.chosen, self.workers, install) as cluster:
            if self.workers is None and not cluster.rooms():
                raise InputError(
                    f"engine 'ray': no node of the cluster has {counted(cluster.cpus, 'CPU')} for an actor; "
                    "give fewer (--engine-option cpus=1), or --workers, to wait for nodes that come later"
                )
            self._cluster = cluster
            try:
                yield from super().run(factory, tasks, on_event, on_lost)
            finally:
                self._cluster = self._actors = None

    def expected(self) -> int:
        if self.workers is None and self._cluster is not None:
            return max(1, self._cluster.rooms())
        return super().expected()

    def begin(self, plan: SharedPlan) -> None:
        assert self._cluster is not None
        self._actors = Actors(plan, self._cluster, self.workers, self._say)
        self._actors.fill()
        count = counted(len(self._actors.alive), "actor")
        self._say(f"starts {count} on {self._cluster.device}, {counted(self._cluster.cpus, 'CPU')} each")

    def tend(self, plan: SharedPlan, watch: Watch) -> None:
        if self._actors is not None:
            self._actors.look()

    def end(self, plan: SharedPlan) -> None:
        if self._actors is not None:
            self._actors.end()

    def advice(self, plan: SharedPlan) -> str:
        starting = self._actors.starting() if self._actors is not None else 0
        return f"nobody is at work yet; {counted(starting, 'actor')} starting, or waiting for room"
