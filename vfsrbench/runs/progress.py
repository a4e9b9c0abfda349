"""The interface through which a run reports its progress."""

from __future__ import annotations

from typing import Protocol

from vfsrbench.engines.base import Event
from vfsrbench.runs.jobs import Task
from vfsrbench.runs.plan import Plan
from vfsrbench.runs.worker.outcome import Ended


class Progress(Protocol):
    """Called while a run goes on."""

    def planning(self, step: str, done: int, total: int) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def working(self, task: Task, event: Event) -> None: ...

    def ended(self, ended: Ended) -> None: ...


class Silent:
    """Does nothing."""

    def planning(self, step: str, done: int, total: int) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def working(self, task: Task, event: Event) -> None: ...

    def ended(self, ended: Ended) -> None: ...
