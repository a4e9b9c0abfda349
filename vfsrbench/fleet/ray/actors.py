"""The actors that work at a plan: one a GPU or so many CPUs; one that dies is replaced."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vfsrbench.errors import InputError, counted
from vfsrbench.fleet.plan.dead import Process, release
from vfsrbench.fleet.plan.files import SharedPlan
from vfsrbench.fleet.plan.watching import Watch
from vfsrbench.fleet.ray.actor import Ended, Place, WorkerActor
from vfsrbench.fleet.ray.cluster import RayCluster, reason_of

TRIES = 3
"""Actors in a row that may die before they take a unit, until it is given up."""
GRACE = 10.0
"""Seconds in which actors that are told to stop give their units back."""
COUNT_EVERY = 2.0
"""Seconds between two looks at which nodes there are."""
_CONTROL = "control"
_NODE_LOST = re.compile(r"\bnode (has )?(died|was (drained|terminated|preempted|removed))|node was dead")
log = logging.getLogger(__name__)


@dataclass
class Actor:
    """One actor.

    Attributes:
        handle: Ray's.
        starting: Its answer to where it is.
        working: Its answer when its work has ended.
        place: Once it has started.
        doubted: Why its answer was lost; empty if it was not.
    """

    handle: Any
    starting: Any
    working: Any
    place: Place | None = None
    doubted: str = ""

    @property
    def name(self) -> str:
        """For a reader."""
        return f"{self.place.host}, process {self.place.pid}" if self.place else "an actor that was starting"


@dataclass
class Actors:
    """The actors of a plan.

    Args:
        plan: The plan.
        cluster: Where they run.
        wanted: How many; None: as many as the nodes have room for, also those that come later.
        say: Called with what a user should know, a line at a time.
    """

    plan: SharedPlan
    cluster: RayCluster
    wanted: int | None
    say: Callable[[str], None]
    alive: list[Actor] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    """Why actors ended that are not replaced."""
    _in_vain: int = 0
    _last: str = ""
    _count_again: float = 0.0

    def fill(self) -> None:
        """Start as many as are missing."""
        wanted = self.wanted or self.cluster.rooms()
        for _ in range(wanted - len(self.alive) - len(self.over)):
            self.alive.append(self._started())
        self._count_again = time.monotonic() + COUNT_EVERY

    def look(self) -> None:
        """See how the actors are, and replace those that died.

        Raises:
            InputError: None is left, and there is work to do.
        """
        import ray

        asked = [actor.working if actor.place else actor.starting for actor in self.alive]
        ready = ray.wait(asked, num_returns=len(asked), timeout=0)[0] if asked else []
        before = len(self.alive)
        for actor, answer in zip(list(self.alive), asked, strict=True):
            if answer in ready:
                self._hear(actor, answer)
        if len(self.alive) < before or time.monotonic() >= self._count_again:
            if self._in_vain >= TRIES:
                self._give_up([f"{TRIES} actors in a row died before they took a unit: {self._last}"])
            if not self._done():
                self.fill()
        if not self.alive and self.over and not self._done() and not self._others_at_work():
            self._give_up(self.over)

    def end(self) -> None:
        """Stop the actors. What they have is given back."""
        import ray

        at_work = [actor for actor in self.alive if actor.place is not None]
        with contextlib.suppress(ray.exceptions.RayError):
            for actor in at_work:
                actor.handle.stop.options(concurrency_group=_CONTROL).remote()
            refs = [actor.working for actor in at_work]
            if refs:
                ray.wait(refs, num_returns=len(refs), timeout=GRACE)
        for actor in self.alive:
            self._remove(actor, "the run was stopped", well=True)
        self.alive = []

    def starting(self) -> int:
        """How many have not begun yet."""
        return sum(actor.place is None for actor in self.alive)

    def _started(self) -> Actor:
        import ray

        kind = ray.remote(concurrency_groups={_CONTROL: 1})(WorkerActor)
        handle = kind.options(**self.cluster.requirements()).remote()
        root = str(self.plan.root.absolute())
        return Actor(handle, handle.place.remote(), handle.work.remote(root, self.cluster.device))

    def _hear(self, actor: Actor, answer: Any) -> None:
        """What an actor has answered, or how it died."""
        import ray

        try:
            said = ray.get(answer)
        except ray.exceptions.ActorUnavailableError as error:  # dead, or not heard of for a while
            actor.doubted = reason_of(error)
            actor.working = actor.handle.place.options(concurrency_group=_CONTROL).remote()
            actor.starting = actor.working
            return
        except ray.exceptions.RayError as error:
            self._died(actor, error)
            return
        if actor.doubted:  # it is there, but what its work gives will not be heard
            said = Ended(unfit=actor.doubted)
        if isinstance(said, Place):
            actor.place = said
            log.info("an actor started: %s, node %s", actor.name, said.node)
            return
        assert isinstance(said, Ended)
        self.alive.remove(actor)
        self._remove(actor, said.unfit or "it ended", well=True)
        if said.unfit:
            self.say(f"{actor.name}: {said.unfit}; another actor takes its place")
        elif said.refused and not said.units:
            self.over.append(f"{actor.name}: {said.refused[0]}")
            self.say(self.over[-1])
        else:
            self.over.append("it ended when nothing was left to take")

    def _died(self, actor: Actor, error: Exception) -> None:
        self.alive.remove(actor)
        lost = self._lost_its_node(actor, error)
        self._last = "its node is gone" if lost else reason_of(error)
        had = self._remove(actor, f"Ray: {self._last}", well=lost)
        self._in_vain = 0 if lost or had else self._in_vain + 1
        log.warning("%s: died: %s", actor.name, error)
        self.say(f"{actor.name}: died ({self._last}); another actor takes its place")

    def _remove(self, actor: Actor, why: str, well: bool) -> bool:
        """Make sure that an actor is no more, and free what it had; whether it had something."""
        import ray

        with contextlib.suppress(ray.exceptions.RayError, ValueError):
            ray.kill(actor.handle)
        if actor.place is None:
            return False
        return release(self.plan, Process(actor.place.host, actor.place.pid), why, well) is not None

    def _lost_its_node(self, actor: Actor, error: Exception) -> bool:
        if _NODE_LOST.search(str(error)):
            return True
        return actor.place is not None and not self.cluster.is_alive(actor.place.node)

    def _others_at_work(self) -> bool:
        """Whether workers that nobody started here have units."""
        return any(not lease.silent for lease in Watch(self.plan).look().running)

    def _done(self) -> bool:
        return self.plan.is_over or len(self.plan.finished()) == len(self.plan.units)

    def _give_up(self, reasons: list[str]) -> None:
        left = len(self.plan.units) - len(self.plan.finished())
        raise InputError(
            f"no actor is at work, {counted(left, 'unit')} left to do: {'; '.join(dict.fromkeys(reasons))}; "
            "the same command goes on"
        )
