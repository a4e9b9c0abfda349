"""Outcome of a run: the record of every job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.board import Board
from vfsrbench.results.board_note import note_run
from vfsrbench.results.job import Job
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import Plan


@dataclass(frozen=True)
class RunSummary:
    """Outcome of a run: the record of every job that has one, and the files that hold them.

    `board` is the board as it was run (its splits by their names, its methods with the outputs); `metrics`
    are its metrics and those that they are derived from.
    """

    board: Board
    workspace: Path
    records: Mapping[Job, JobRecord]
    jobs: tuple[Job, ...]
    files: tuple[Path, ...]
    log: Path
    seconds: float
    metrics: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    """Files whose checksum differed, with the reason: set aside in the workspace, and made again."""
    notes: tuple[tuple[str, str], ...] = ()
    """(clip, what a user should know of how its files are read)."""
    left: bool = False
    """The run planned its jobs and left them to workers: those without a result are no problem."""

    @property
    def counts(self) -> dict[str, int]:
        """Jobs by status; those without a result count as `missing`."""
        return dict(Counter(self.records[j].status if j in self.records else "missing" for j in self.jobs))

    @property
    def problems(self) -> list[tuple[str, str]]:
        """(what, why) of everything that did not go well, metrics that raised included."""
        found = []
        for job in self.jobs:
            where = f"{job.method}, {job.split}, {job.clip}"
            record = self.records.get(job)
            if record is None:
                found += [] if self.left else [(where, "no result")]
            elif record.status != "ok":
                found.append((where, f"{record.status}: {record.reason}"))
            else:
                broken = [m for m in record.broken if m in self.metrics]
                found += [(f"{where}, {m}", record.unavailable.get(m, "failed")) for m in broken]
        return found

    @property
    def restoring(self) -> dict[str, float]:
        """Seconds that workers spent restoring in this run, by method, the most first."""
        shared = {}  # jobs that have the same restored frames
        for job, record in self.records.items():
            if job.state == "open" and job.restores:
                shared[job.clip, job.restore_key] = job.method, record.restore_seconds
        found: dict[str, float] = {}
        for method, seconds in shared.values():
            found[method] = found.get(method, 0.0) + seconds
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    @property
    def scoring(self) -> float:
        """Seconds that workers spent scoring in this run."""
        shared = {
            (job.key, metric): record.scores[metric].seconds
            for job, record in self.records.items()
            for metric in job.due
            if job.state == "open" and metric in record.scores
        }
        return sum(shared.values())

    @property
    def exit_code(self) -> int:
        """0 when every job has its scores, else 3."""
        return 3 if self.problems else 0


def summarize(plan: Plan, workspace: Workspace, log_path: Path, seconds: float) -> RunSummary:
    """What the workspace now holds of a plan; notes the run on its board."""
    records = {job: r for job in plan.jobs if (r := workspace.store.find(*job.place)) is not None}
    files = tuple(workspace.store.path(*job.place) for job in records)
    setup = plan.setup
    named = tuple(method for method in setup.methods if method not in setup.beside)
    board = setup.board.replace(methods=named, restrict=dict(setup.restricted))
    note_run(workspace, plan)
    asked = tuple(plan.setup.metric_keys)
    notes = tuple((clip.name, note) for clip in plan.clips for note in clip.notes)
    return RunSummary(board, workspace.root, records, plan.jobs, files, log_path, seconds, asked, notes=notes)
