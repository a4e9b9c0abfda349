"""The units of a plan, by what they cost.

A clip is one unit where that is small enough. Else restorations of slow methods are units of their own, cheap
ones share a unit, and one unit scores the clip when they are done; a long scoring is cut into shares of the
frames. Units of a clip stand together, those that take longest first, so that restored clips do not wait for
long on the disk; the clips in the order of what their longest way takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from vfsrbench.fleet.plan.costs import Costs
from vfsrbench.fleet.plan.files import Work
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup, Share, Task
from vfsrbench.runs.worker.units import PREPARED, SHARE

PARTS_A_WORKER = 4
"""No unit is more than this part of a worker's share of the whole, where it can be cut."""
SLOW = 0.5
"""Restorations of more than this part of that share no unit."""


def cut(tasks: Sequence[Task], setup: Setup, workspace: Workspace, workers: int) -> list[Work]:
    """The units, in the order in which they are taken.

    Args:
        tasks: One a clip.
        setup: What they are done with.
        workspace: Where earlier results tell how long things take.
        workers: How many work at a time.
    """
    costs = Costs.of(setup, workspace)
    clips = [_ClipWork.of(task, costs) for task in tasks]
    limit = sum(clip.cost for clip in clips) / (PARTS_A_WORKER * workers)
    cut_clips = [clip.units(limit) for clip in clips]
    works: list[Work] = []
    for units in sorted(cut_clips, key=_longest_way, reverse=True):
        first = len(works)
        works += [replace(unit, needs=tuple(first + place for place in unit.needs)) for unit in units]
    return works


@dataclass(frozen=True)
class _ClipWork:
    """A clip's task, what its restorations take, by their key, and what scoring takes."""

    task: Task
    restorations: dict[str, float]
    scoring: float

    @classmethod
    def of(cls, task: Task, costs: Costs) -> _ClipWork:
        clip = task.clip
        restorations: dict[str, float] = {}
        scored: dict[str, set[str]] = {}
        for job in task.jobs:
            scored.setdefault(job.restore_key, set()).update(job.due)
            if job.restores and not clip.problem(job.method, job.split):
                restorations.setdefault(job.restore_key, costs.restoring(job.method, clip))
        truth = max((_seconds(metrics, costs, task) for metrics in scored.values()), default=0.0) / PREPARED
        return cls(task, restorations, truth + sum(_seconds(m, costs, task) for m in scored.values()))

    @property
    def cost(self) -> float:
        return sum(self.restorations.values()) + self.scoring

    def units(self, limit: float) -> list[Work]:
        """The clip's units, none above the limit where it can be cut; their needs count from its first."""
        if self.cost <= limit:
            return [Work(self.task, self.cost)]
        bins = self._bins(limit)
        works = [self._restoring(keys) for keys in bins]
        needs = tuple(range(len(works)))
        count = self._shares(limit)
        task = replace(self.task, step="score") if bins else self.task
        cost = self.scoring / count
        for number in range(1, count):
            works.append(Work(replace(task, share=Share(number, count)), cost, needs, "share"))
        first = replace(task, share=Share(0, count))
        works.append(Work(first, cost, tuple(range(len(works))), "score" if bins else "all"))
        return works

    def _restoring(self, keys: Sequence[str]) -> Work:
        jobs = tuple(job for job in self.task.jobs if job.restore_key in keys)
        task = replace(self.task, jobs=jobs, step="restore")
        return Work(task, sum(self.restorations[key] for key in keys), (), "restore")

    def _bins(self, limit: float) -> list[list[str]]:
        """Restorations that share a unit, the longest first."""
        bins: list[tuple[float, list[str]]] = []
        for key, cost in sorted(self.restorations.items(), key=lambda item: -item[1]):
            for place, (full, keys) in enumerate(bins):
                if full + cost <= limit and full <= SLOW * limit:
                    bins[place] = full + cost, [*keys, key]
                    break
            else:
                bins.append((cost, [key]))
        return [keys for _, keys in bins]

    def _shares(self, limit: float) -> int:
        """In how many shares of the frames the clip is scored."""
        cropped = any((job.method, job.split) in self.task.clip.crops for job in self.task.jobs)
        if self.scoring <= limit or cropped:
            return 1
        return max(1, min(ceil(self.scoring / limit), self.task.clip.frames // SHARE))


def _seconds(metrics: set[str], costs: Costs, task: Task) -> float:
    return sum(costs.scoring(metric, task.clip) for metric in metrics)


def _longest_way(units: Sequence[Work]) -> float:
    """What a clip takes if there were any number of workers."""
    ways: list[float] = []
    for unit in units:
        ways.append(unit.cost + max((ways[place] for place in unit.needs), default=0.0))
    return max(ways)
