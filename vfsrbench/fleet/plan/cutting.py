"""The units of a plan: clips with their jobs, the most work first."""

from __future__ import annotations

from collections.abc import Sequence

from vfsrbench.fleet.plan.files import Work
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup, Task


def cut(tasks: Sequence[Task], setup: Setup, workspace: Workspace, workers: int) -> list[Work]:
    """The units, in the order in which they are taken.

    Args:
        tasks: One a clip.
        setup: What they are done with.
        workspace: Where earlier results tell how long things take.
        workers: How many work at a time.
    """
    return [Work(task, _pixels(task)) for task in sorted(tasks, key=lambda task: -_pixels(task))]


def _pixels(task: Task) -> float:
    return float(task.clip.frames * task.clip.height * task.clip.width * len(task.jobs))
