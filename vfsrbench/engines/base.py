"""The interface of engines: they run tasks and report their outcomes. Tasks are opaque to them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Event:
    """What a worker is doing: a step of a job of its task (none: of the task as a whole).

    `done` of `total` frames of that step are finished.
    """

    job: int | None
    step: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Outcome:
    """Outcome of a task: what the worker returned, or the traceback of an unexpected error."""

    task: Any
    result: Any = None
    crash: str = ""


class WorkerUnfit(Exception):
    """Raised by work after which its process can do no other task (its GPU answers no more).

    An engine of several processes ends this one, starts another in its place, and gives it what is left of
    the task. One that has no other process yields what there is and raises `PoisonedDevice`.

    Args:
        reason: Why, in one line.
        result: What the task gave until then, as the work would have returned it.
        rest: The task that is left; None if nothing is.
        own: Whether the task brought it about. Else what is left counts as tried once.
    """

    def __init__(self, reason: str, result: Any = None, rest: Any = None, own: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.result, self.rest, self.own = reason, result, rest, own

    def __reduce__(self) -> tuple[type[WorkerUnfit], tuple[str, Any, Any, bool]]:
        return type(self), (self.reason, self.result, self.rest, self.own)


Outcomes = Generator[Outcome, None, None]
"""Closing it stops all workers."""

EventSink = Callable[[Event], None]
Work = Callable[[Any, EventSink], Any]
"""Does one task and reports its events. Errors that are not the task's own may escape: they are crashes, but
for `WorkerUnfit`."""

EventListener = Callable[[Any, Event], None]
"""Called with (task, event) while a task runs."""

LostTaskHandler = Callable[[Any, Event | None, str], Any]
"""Called when a task's worker crashed twice: (task, last event, exit reason) -> a task instead, or None."""


class WorkerFactory(Protocol):
    """Makes the work in a fresh worker. It is pickled: a module-level function or a plain dataclass."""

    def __call__(self) -> Work: ...


class Engine(Protocol):
    """Runs tasks in any order, at most one at a time in each worker.

    An engine with several workers has a method `worker_count`, so that clips are cut where there are too few
    for all (see `workers_of`).

    A cluster engine fits in by starting `work` on its nodes: tasks and outcomes are plain pickled data,
    and everything large goes through the workspace on a shared disk.
    """

    name: str

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        """The outcome of each task, as it ends."""
        ...


def workers_of(engine: Engine) -> int:
    """How many tasks the engine does at a time: its `worker_count()`; 1 where it has none."""
    count: Callable[[], int] | None = getattr(engine, "worker_count", None)
    return 1 if count is None else count()


def works_elsewhere(engine: Engine) -> bool:
    """Whether workers may be processes of other machines, that outlive this one: its `elsewhere`."""
    return bool(getattr(engine, "elsewhere", False))


def waits(engine: Engine) -> bool:
    """Whether a run ends when its tasks are done, not when they are planned: its `wait`."""
    return bool(getattr(engine, "wait", True))
