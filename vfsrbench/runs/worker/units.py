"""Units of work: whole clips where there are enough of them, parts of a clip where workers would be idle.

A part is all jobs of a clip that share restored frames. Parts are numbered; those of one number stay in one
unit, and each number has its lock, so that two runs in one workspace never do a job twice at a time.

Where nothing is restored, a clip is cut into shares of its frames instead: the ground truth's side is then
computed once, too. The first share holds the locks of the parts, puts all values together and ends the jobs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from vfsrbench.results.job import Job
from vfsrbench.runs.jobs import Share, Task
from vfsrbench.scoring.scorer import WINDOW

PARTS = 64
"""Numbers of parts of a clip: a task of a whole clip holds as many locks at most."""
PREPARED = 4
"""Restorations, scored, that take as long as the ground truth's side, which each unit computes again."""
SHARE = 2 * WINDOW
"""Frames that a share has at least: starting another process is not worth fewer."""
_GAIN = 0.98
"""Cutting must shorten the run to this part of the time, or less."""


def part_of(job: Job) -> int:
    """The number of the part that a job belongs to: it follows from what is restored alone."""
    return int(job.restore_key[:8], 16) % PARTS


def lock_names(task: Task) -> list[str]:
    """The names of the locks that a task needs, in the order in which every run takes them."""
    names = [f"{task.clip.name}.{part:02d}" for part in sorted({part_of(job) for job in task.jobs})]
    share = task.share
    return [f"{name}.{share.number}-of-{share.count}" for name in names] if share.number else names


def divided(tasks: Sequence[Task], workers: int, folder: Path = Path()) -> list[Task]:
    """The units that keep workers busy until the end, the largest first.

    Clips stay whole where there are two or more a worker, and wherever cutting gains nothing.

    Args:
        tasks: One a clip.
        workers: How many tasks are done at a time.
        folder: Where shares of a clip's frames hand in what they have.
    """
    best = sorted(tasks, key=lambda task: -_cost(task))
    if workers > 1 and 0 < len(best) < 2 * workers:
        for units in list(_cuts(best, workers)):
            if _time(units, workers) < _GAIN * _time(best, workers):
                best = units
    return [replace(unit, share=replace(unit.share, folder=folder)) for unit in best]


def _cuts(tasks: list[Task], workers: int) -> Iterator[list[Task]]:
    """Ways to cut the clips, fewer units first: all of them, or only those that are left when each worker
    has had as many whole ones as the others."""
    for pieces in range(2, 2 * workers + 1):
        for whole in sorted({len(tasks) - len(tasks) % workers, 0} - {len(tasks)}, reverse=True):
            most = _cost(tasks[whole]) / pieces
            cut = [unit for task in tasks[whole:] for unit in _pieces(task, ceil(_cost(task) / most))]
            yield sorted([*tasks[:whole], *cut], key=lambda task: -_cost(task))


def _pieces(task: Task, count: int) -> list[Task]:
    """The task in about `count` pieces. A method's restorations are dealt out among them, as a slow method is
    slow on every split; then all are. Where nothing is restored, in shares of its frames."""
    if not any(job.restores for job in task.jobs):
        shares = max(1, min(count, task.clip.frames // SHARE))
        return [replace(task, share=Share(number, shares)) for number in range(shares)]
    parts: dict[int, list[Job]] = {}
    for job in task.jobs:
        parts.setdefault(part_of(job), []).append(job)
    groups = sorted(parts.values(), key=lambda jobs: jobs[0].method)
    chosen: list[set[Job]] = [set() for _ in range(min(count, len(groups)))]
    for jobs in groups:
        own = {job.method for job in jobs}
        rank = [(_restored(job for job in piece if job.method in own), _restored(piece)) for piece in chosen]
        chosen[rank.index(min(rank))].update(jobs)
    # in the order of the plan, as in a task that is not cut
    return [replace(task, jobs=tuple(job for job in task.jobs if job in jobs)) for jobs in chosen]


def _cost(task: Task) -> int:
    """How long a task takes: pixels, times what is done with them."""
    whole = task.clip.frames * task.clip.height * task.clip.width * (_restored(task.jobs) + PREPARED)
    return ceil(whole / task.share.count)


def _restored(jobs: Iterable[Job]) -> int:
    """How many restorations the jobs have."""
    return len({job.restore_key for job in jobs})


def _time(tasks: Sequence[Task], workers: int) -> int:
    """How long workers need that take the tasks in their order."""
    busy = [0] * workers
    for task in tasks:
        heapq.heappush(busy, heapq.heappop(busy) + _cost(task))
    return max(busy)
