"""Everything in this process, one task after the other: for debugging, and for methods that are objects."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

from vfsrbench.engines.base import (
    EventListener,
    LostTaskHandler,
    Outcome,
    Outcomes,
    WorkerFactory,
    WorkerUnfit,
)
from vfsrbench.errors import PoisonedDevice


class SerialEngine:
    """Every task in this process, one after the other.

    Nothing is pickled and nothing is started. A crash of the interpreter ends the run, and so does a task
    that leaves its GPU unusable (PoisonedDevice).
    """

    name = "serial"

    def __init__(self, workers: int | None = None) -> None:
        """`workers` is not used: there is one."""

    def run(
        self,
        factory: WorkerFactory,
        tasks: Sequence[Any],
        on_event: EventListener,
        on_lost: LostTaskHandler,
        /,
    ) -> Outcomes:
        if not tasks:
            return
        work = factory()
        for task in tasks:
            try:
                result = work(task, partial(on_event, task))
            except WorkerUnfit as unfit:
                yield Outcome(task, unfit.result)
                raise PoisonedDevice(
                    f"{unfit.reason}; this process can do nothing more on its GPU: the same command goes on "
                    "with the rest, and with --engine local a new process takes over by itself"
                ) from unfit
            except Exception:
                yield Outcome(task, crash=traceback.format_exc())
            else:
                yield Outcome(task, result)
