"""Done already? What of a job is still to be done, by what the workspace holds. Nothing else decides it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vfsrbench.errors import DamagedFile, counted
from vfsrbench.geometry.guard import VERSION
from vfsrbench.io.clip import Clip
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.results import restored_store
from vfsrbench.results.job import Job, Result
from vfsrbench.results.restored_store import KeptNote
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup
from vfsrbench.runs.keys import score_key
from vfsrbench.scoring.scores import Wanted


@dataclass(frozen=True)
class Pending:
    """A job as it stands when its worker comes to it: the metrics that are due, and the columns that stay."""

    job: Job
    due: tuple[str, ...]
    stored: Result | None = None

    @property
    def scored(self) -> JobRecord | None:
        """The record of a job of which no metric is due; None for any other job."""
        return None if self.due or self.stored is None else self.stored.record

    def on(self, digest: str, every: Sequence[str]) -> Pending:
        """The same for restored frames of this digest. Values of other frames do not count: all are due."""
        if self.stored is None or self.stored.record.restored_digest == digest:
            return self
        return Pending(self.job, tuple(every))

    def wanted(self) -> Wanted:
        """What is to be computed, and what is known."""
        if self.stored is None:
            return Wanted(frozenset(self.due))
        record = self.stored.record
        return Wanted(frozenset(self.due), self.stored.values, record.unavailable, record.guard != VERSION)


@dataclass(frozen=True)
class DueJobs:
    """What of a run's jobs is done."""

    setup: Setup
    workspace: Workspace

    def planned(self, job: Job) -> tuple[Job, DamagedFile | None]:
        """The job with its state, what is due of it and whether that takes a restoration; and what is wrong
        with its results file, which counts as none then."""
        try:
            stored, damage = self.workspace.store.read(*job.place), None
        except DamagedFile as error:
            stored, damage = None, error
        return self._planned(job, None if stored is None else stored.record), damage

    def _planned(self, job: Job, record: JobRecord | None) -> Job:
        options = self.setup.options
        job = replace(job, seen="" if record is None else record.run)
        failed = record is not None and record.status != "ok"
        if record is not None and failed and not (options.force or options.retry_failed):
            return replace(job, state="skipped" if record.status == "skipped" else "failed")
        due = self._due_metrics(job, record)
        if not due and self._has_pieces(job, record):
            return replace(job, state="done")
        own = not self.setup.is_stored(job)
        restores = own and (options.force or not self._frames_are_there(job, due, record))
        repeats = restores and record is not None and not failed and not options.force
        return replace(job, due=due, restores=restores, repeats=repeats)

    def pending(self, job: Job) -> Pending:
        """What of a job is due now. A damaged results file is set aside, and counts as none.

        The clip's lock is held: what this method finds stays true.
        """
        try:
            stored = self.workspace.store.read(*job.place)
        except DamagedFile as damage:
            self.workspace.damaged.set_aside(damage)
            stored = None
        due = self._due_metrics(job, None if stored is None else stored.record)
        if stored is not None:
            for features in self.workspace.store.damaged_features(stored.record, due):
                self.workspace.damaged.set_aside(features)
        if stored is not None and due:
            forced = self.setup.options.force and not self._is_fresh(job, stored.record)
            stored = None if forced or stored.record.status != "ok" else stored
        return Pending(job, due, stored)

    def finished(self, pending: Pending) -> JobRecord | None:
        """The record of a job of which nothing is due; None for any other job."""
        record = pending.scored
        if record is None or (record.status == "ok" and not self._has_pieces(pending.job, record)):
            return None
        return record

    def needs_no_frames(self, pending: Pending) -> bool:
        """Whether all that is due of a job follows from values that are stored."""
        stored = pending.stored
        return (
            stored is not None
            and self._follow_from_stored(pending.due)
            and self._has_pieces(pending.job, stored.record)
        )

    def kept_frames(self, job: Job, fps: float) -> tuple[Clip, KeptNote] | None:
        """The job's restored frames, if they are kept and count; damaged ones are set aside."""
        return None if self.setup.options.force else restored_store.reopen(self.workspace, job, fps)

    def _due_metrics(self, job: Job, record: JobRecord | None) -> tuple[str, ...]:
        """The metrics that are to be computed for an open job, sources of derived ones first.

        What this run wrote is done. What another run has written since this one was planned counts too,
        unless everything is to be done again.
        """
        every = self.setup.metrics_of(job.method)
        if record is None:
            return every
        options = self.setup.options
        fresh = self._is_fresh(job, record)
        if record.status != "ok":
            return () if fresh else every
        if options.force and not fresh:
            return every
        again = set(record.broken) if options.retry_failed and not fresh else set()
        return tuple(m for m in every if m in again or not self._is_current(record, m))

    def _is_fresh(self, job: Job, record: JobRecord) -> bool:
        """Whether this run wrote the record, or (where nothing is forced) another since this was planned."""
        return record.run == self.setup.run or (not self.setup.options.force and record.run != job.seen)

    def _is_current(self, record: JobRecord, metric: str) -> bool:
        """Whether the record has this metric as it would be computed now, its features undamaged."""
        score = record.scores.get(metric)
        if score is None or score.key != score_key(record.key, self.setup.metric_keys[metric]):
            return False
        return self.workspace.store.features_are_whole(record, metric)

    def _is_kept(self, job: Job) -> bool:
        """Whether the job's frames are kept in the form that is asked for, if one is."""
        keep = self.setup.options.keep
        if keep == "none" or self.setup.is_stored(job):
            return True
        return restored_store.is_there(self.workspace, job, keep)

    def _has_pieces(self, job: Job, record: JobRecord | None) -> bool:
        """Whether all that lies beside a job's results is there: kept frames, where they are asked for, and
        the strips that were found damaged and set aside."""
        if not self._is_kept(job):
            return False
        if record is None or record.status != "ok":
            return True
        setup = self.setup
        strips = StripStore(self.workspace.slices, setup.board.figures.slice_column)
        mine = [strips.restored_path(record)]
        here = [(m, use) for m, use in setup.methods.items() if setup.runs(m, job.split, job.clip)]
        fed = [m for m, use in here if isinstance(use, MethodUse) and not use.from_gt]
        # what all jobs of a clip share is made again by one of them
        if fed and job.method == fed[0]:
            mine.append(strips.degraded_path(record))
        every = ((m, s) for s in setup.splits for m in setup.methods if setup.runs(m, s, job.clip))
        if (job.method, job.split) == next(every):
            mine.append(strips.truth_path(record))
        return not any(self.workspace.damaged.is_due(path) for path in mine)

    def _frames_are_there(self, job: Job, due: Iterable[str], record: JobRecord | None) -> bool:
        """Whether the due metrics and strips can be made without a restoration."""
        if any(restored_store.is_there(self.workspace, job, form) for form in ("png", "video")):
            return True
        return self._has_pieces(job, record) and self._follow_from_stored(due)

    def _follow_from_stored(self, due: Iterable[str]) -> bool:
        """Whether all these metrics are derived from others that are not due: they need no frames."""
        due = set(due)
        return all(self.setup.sources.get(metric, metric) not in due for metric in due)


def work_lines(jobs: Iterable[Job], every: Iterable[str], keeps: bool) -> list[str]:
    """What the open jobs take, a line for each kind of work.

    Args:
        jobs: The jobs of a plan.
        every: All metrics of the board.
        keeps: Whether the run keeps restored frames.
    """
    every = tuple(every)
    jobs = [job for job in jobs if job.state == "open"]
    lines = []
    for (due, restores, repeats), count in Counter((j.due, j.restores, j.repeats) for j in jobs).items():
        what = f"score {', '.join(due)} only" if due else "keep frames or slices"
        if due == every:
            what = "score" if restores else "score the frames that are there"
        how = "restore again and " if repeats else "restore and " if restores else ""
        why = " (the frames were not kept)" if repeats else ""
        lines.append(f"{counted(count, 'job')}: {how}{what}{why}")
    if any(job.repeats for job in jobs) and not keeps:
        lines.append("--keep png keeps restored frames, so that nothing is restored again next time")
    return lines
