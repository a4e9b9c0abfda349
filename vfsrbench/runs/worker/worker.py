"""What a worker holds from task to task: its device, loaded methods and metrics, the workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial

from filelock import Timeout

from vfsrbench.engines.base import Event, EventSink
from vfsrbench.faces.face_tools import FaceFinder
from vfsrbench.plugins import metrics
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.units import lock_names
from vfsrbench.runtime.device import choose_device
from vfsrbench.runtime.threads import torch_threads
from vfsrbench.runtime.versions import device_name
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.wrapped.predictor import CommandPlaces


class Worker:
    """One process's (or the serial engine's) things."""

    def __init__(self, setup: Setup, workspace: Workspace | None = None) -> None:
        """`workspace`: in place of the setup's own, whose locks and checks it brings."""
        self.setup = setup
        self.workspace = workspace or Workspace(setup.workspace)
        self.scratch = self.workspace.scratch()
        self.device = choose_device()
        places = CommandPlaces(self.workspace.logs / "commands", self.scratch)
        self.predictors = PredictorCache(self.device, setup.options.profile, places=places)
        self._scorer: Scorer | None = None
        _limit_threads()

    @cached_property
    def device_name(self) -> str:
        """The device, as records have it."""
        return device_name(self.device)

    @property
    def scorer(self) -> Scorer:
        """The board's metrics, each loaded when it is first needed."""
        if self._scorer is None:
            board, profile = self.setup.board, self.setup.options.profile
            release = partial(self.predictors.release, "")
            known, finder = metrics(), self.setup.finder
            self._scorer = Scorer(
                board.metrics, known, self.device, profile, release, lazy=True, finder=finder
            )
        return self._scorer

    def load_finder(self) -> FaceFinder:
        """What finds faces in this run. It is not held: points are found once a clip."""
        from vfsrbench.faces.face_tools import load_finder

        return load_finder(self.device, self.setup.finder)

    def release(self, keep: str) -> bool:
        """Evict everything but one method; whether there was anything to evict."""
        held = self._scorer is not None and bool(self._scorer.metrics)
        self._scorer = None
        return self.predictors.release(keep) or held

    @contextmanager
    def threads(self) -> Iterator[None]:
        """torch's threads for a task: one in the strict profile, so that neither the number of workers nor
        that of cores shows in a result; else this process's share of the cores."""
        given = os.environ.get("OMP_NUM_THREADS", "")
        share = max(1, int(given)) if given.isdigit() else None
        with torch_threads(1 if self.setup.options.profile == "strict" else share):
            yield

    @contextmanager
    def lock(self, task: Task, send_event: EventSink) -> Iterator[None]:
        """The task's locks between runs in this workspace; says so when it has to wait."""
        with ExitStack() as held:
            for name in lock_names(task):
                lock = self.workspace.lock(name)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    send_event(Event(None, "waiting for another run"))
                    lock.acquire()
                held.callback(lock.release)
            yield


def _limit_threads() -> None:
    """Hold OpenCV, whose results no number of threads changes, to the share of cores of this process."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit():
        import cv2

        cv2.setNumThreads(max(1, int(given)))
