"""Shares of a clip's frames, scored by several workers, put together by the one that ends the jobs."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vfsrbench.io.atomic import atomic_file
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Task
from vfsrbench.runs.worker.units import lock_names
from vfsrbench.scoring.scorer import WINDOW, FindPart, no_part
from vfsrbench.scoring.scores import Part


@dataclass(frozen=True)
class Shares:
    """A share is handed in as a file, while its task's locks are held: who gets the locks knows that it is
    there, or never will be."""

    workspace: Workspace

    def hand_in(self, task: Task, restored: Sequence[str], part: Part) -> None:
        """Write what a share of the frames gave; `restored` has the keys of the restored clips."""
        path = _path(task)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(pickle.dumps((tuple(restored), part)))

    def parts(self, task: Task, frames: int, restored: Sequence[str]) -> list[tuple[range, FindPart]]:
        """For `Scorer.score`: the frames of every share, and what waits for it. Empty for a whole clip."""
        share = task.share
        if share.count == 1:
            return []
        others = [replace(task, share=other) for other in share.others()]
        found = [
            (other.share.frames(frames, WINDOW), partial(self._wait, other, restored)) for other in others
        ]
        return [(share.frames(frames, WINDOW), no_part), *found]

    def _wait(self, task: Task, restored: Sequence[str]) -> Part | None:
        """What the share's task has handed in, when it has ended; None if that is nothing."""
        with ExitStack() as held:
            for name in lock_names(task):
                held.enter_context(self.workspace.lock(name))
            path = _path(task)
            if not path.is_file():
                return None
            keys, part = pickle.loads(path.read_bytes())  # written by this run
        if not set(restored) <= set(keys):
            return None
        whole: Part = part
        return whole.of([keys.index(key) for key in restored])


def _path(task: Task) -> Path:
    share = task.share
    return share.folder / f"{task.jobs[0].key[:16]}.{share.number}-of-{share.count}"
