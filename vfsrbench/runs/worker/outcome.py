"""What comes out of a task: how its jobs ended, and before that restored clips that wait to be scored."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vfsrbench.engines.base import Event
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawFrames
from vfsrbench.results.job import Job
from vfsrbench.results.restored_store import KeptNote
from vfsrbench.results.schema import JobRecord, Status
from vfsrbench.runs.due import Pending
from vfsrbench.runs.jobs import Task
from vfsrbench.scoring.scores import Wanted


@dataclass(frozen=True)
class Ended:
    """How a job ended. `broken` names the metrics that raised."""

    job: Job
    status: Status
    reason: str = ""
    broken: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job, record: JobRecord, metrics: Container[str]) -> Ended:
        """From the job's record; what broke beside `metrics` is another board's affair."""
        return cls(job, record.status, record.reason, tuple(m for m in record.broken if m in metrics))


@dataclass(frozen=True)
class Report:
    """Outcome of a task. `fatal` is an error that no other task can escape either (the disk is full)."""

    ends: tuple[Ended, ...] = ()
    fatal: str = ""


@dataclass
class Restored:
    """A restored clip that waits to be scored, and the jobs that it is for. `scratch` is its raw file;
    `stored` says that these are stored outputs, of which nothing is kept or timed. `anew` says that
    this run's method made the frames, with these `versions` where that was another task."""

    jobs: Sequence[Pending]
    clip: Clip
    note: KeptNote
    scratch: Path | None = None
    raw: RawFrames | None = None
    stored: bool = False
    anew: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    def wanted(self) -> Wanted:
        """What is to be computed for any of the jobs."""
        parts = [pending.wanted() for pending in self.jobs]
        return Wanted(
            frozenset().union(*(part.metrics for part in parts)),
            {m: column for part in parts for m, column in part.values.items()},
            {m: why for part in parts for m, why in part.unavailable.items()},
            any(part.guard for part in parts),
        )

    def facts(self, notes: Sequence[str], differs: str) -> dict[str, Any]:
        """What a record has of the restored frames.

        Args:
            notes: On how the clip's files are read.
            differs: How the degraded frames differ from their manifest; it counts for methods that were fed
                them, and for no others.
        """
        note, differs = self.note, differs if self.note.lq_digest else ""
        return {
            **({"versions": dict(self.versions)} if self.versions else {}),
            "lq_digest": note.lq_digest,
            "restored_digest": note.digest,
            "restore_seconds": note.seconds,
            "peak_memory": note.peak_memory,
            "window": note.window,
            "smaller_windows": note.smaller_windows,
            "warmed_up": note.warmed_up,
            "device": note.device,
            **({} if self.stored else {"parameters": note.parameters}),  # of outputs the base record knows
            "clamped": note.clamped,
            "warnings": [*notes, *note.warnings, *([differs] if differs else [])],
            "canonical": not differs,
        }


def at_fault(task: Task, event: Event | None) -> tuple[tuple[Job, ...], str, Task | None]:
    """What a worker that died was at, by its last event: the jobs, the step, and the task of the others."""
    at, doing = task.jobs, "working"
    if event is not None:
        doing = event.step
        if event.job is not None:
            key = task.jobs[event.job].restore_key
            at = tuple(job for job in task.jobs if job.restore_key == key)
    rest = tuple(job for job in task.jobs if job not in at)
    return at, doing, replace(task, jobs=rest) if rest else None


def crash_reason(crash: str) -> str:
    """A job's reason after an unexpected error, from its traceback."""
    return f"internal error: {crash.strip().splitlines()[-1]} (the log has more)"
