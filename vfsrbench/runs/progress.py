"""What hears of a run while it goes on."""

from __future__ import annotations

from typing import Protocol

from vfsrbench.engines.base import Event
from vfsrbench.runs.jobs import Task
from vfsrbench.runs.plan import Plan
from vfsrbench.runs.worker.outcome import Ended


class Progress(Protocol):
    """Hears what a run is doing."""

    def planning(self, step: str, done: int, total: int) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def working(self, task: Task, event: Event) -> None: ...

    def ended(self, ended: Ended) -> None: ...


class Silent:
    """Hears and says nothing."""

    def planning(self, step: str, done: int, total: int) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def working(self, task: Task, event: Event) -> None: ...

    def ended(self, ended: Ended) -> None: ...
