"""What of a job is still to be done: which metrics, and whether its clip has to be restored for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from vfsrbench.errors import DamagedFile
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.results import restored_store
from vfsrbench.results.job import Job
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import Setup
from vfsrbench.runs.keys import score_key


def planned(job: Job, record: JobRecord | None, setup: Setup, workspace: Workspace) -> Job:
    """The job with its state, what is due of it, and whether that takes a restoration.

    Args:
        job: A job without a state.
        record: What the workspace has of it.
        setup: The run.
        workspace: Where kept frames and features may lie.
    """
    options = setup.options
    job = replace(job, seen="" if record is None else record.run)
    failed = record is not None and record.status != "ok"
    if record is not None and failed and not (options.force or options.retry_failed):
        return replace(job, state="skipped" if record.status == "skipped" else "failed")
    due = due_metrics(job, record, setup, workspace)
    own = not setup.is_stored(job)
    if not due and has_pieces(job, record, setup, workspace):
        return replace(job, state="done")
    restores = own and (options.force or not frames_are_there(job, due, record, setup, workspace))
    repeats = restores and record is not None and not failed and not options.force
    return replace(job, due=due, restores=restores, repeats=repeats)


def due_metrics(job: Job, record: JobRecord | None, setup: Setup, workspace: Workspace) -> tuple[str, ...]:
    """The metrics that are to be computed for an open job, sources of derived ones first.

    What this run wrote is done. What another run has written since this one was planned counts too, unless
    everything is to be done again.
    """
    every = tuple(setup.metric_keys)
    if record is None:
        return every
    options = setup.options
    fresh = is_fresh(job, record, setup)
    if record.status != "ok":
        return () if fresh else every
    if options.force and not fresh:
        return every
    again = set(record.broken) if options.retry_failed and not fresh else set()
    return tuple(m for m in every if m in again or not is_current(record, m, setup, workspace))


def is_fresh(job: Job, record: JobRecord, setup: Setup) -> bool:
    """Whether this run wrote the record, or (where nothing is forced) another since this one was planned."""
    return record.run == setup.run or (not setup.options.force and record.run != job.seen)


def is_current(record: JobRecord, metric: str, setup: Setup, workspace: Workspace) -> bool:
    """Whether the record has this metric as it would be computed now, its features undamaged."""
    score = record.scores.get(metric)
    if score is None or score.key != score_key(record.key, setup.metric_keys[metric]):
        return False
    return workspace.store.features_are_whole(record, metric)


def is_kept(job: Job, setup: Setup, workspace: Workspace) -> bool:
    """Whether the job's frames are kept in the form that is asked for; so they are where nothing is asked."""
    keep = setup.options.keep
    if keep == "none" or setup.is_stored(job):
        return True
    return restored_store.is_there(workspace, job, keep)


def has_pieces(job: Job, record: JobRecord | None, setup: Setup, workspace: Workspace) -> bool:
    """Whether all that lies beside a job's results is there: kept frames, where they are asked for, and the
    strips that were found damaged and set aside."""
    if not is_kept(job, setup, workspace):
        return False
    if record is None or record.status != "ok":
        return True
    strips = StripStore(workspace.slices, setup.board.figures.slice_column)
    mine = [strips.restored_path(record)]
    fed = [m for m, use in setup.methods.items() if isinstance(use, MethodUse) and not use.from_gt]
    # what all jobs of a clip share is made again by one of them
    if fed and job.method == fed[0]:
        mine.append(strips.degraded_path(record))
    if (job.method, job.split) == (next(iter(setup.methods)), next(iter(setup.splits))):
        mine.append(strips.truth_path(record))
    return not any(workspace.damaged.is_due(path) for path in mine)


def frames_are_there(
    job: Job, due: Iterable[str], record: JobRecord | None, setup: Setup, workspace: Workspace
) -> bool:
    """Whether the due metrics and strips can be made without a restoration."""
    if any(restored_store.is_there(workspace, job, form) for form in ("png", "video")):
        return True
    return has_pieces(job, record, setup, workspace) and follow_from_stored(due, setup)


def follow_from_stored(due: Iterable[str], setup: Setup) -> bool:
    """Whether all these metrics are derived from others that are not due: they need no frames."""
    due = set(due)
    return all(setup.sources.get(metric, metric) not in due for metric in due)


def stored_record(job: Job, workspace: Workspace) -> tuple[JobRecord | None, DamagedFile | None]:
    """What the workspace has of a job, or what is wrong with it."""
    try:
        result = workspace.store.read(*job.place)
    except DamagedFile as error:
        return None, error
    return (None if result is None else result.record), None


def work_lines(jobs: Iterable[Job], every: Iterable[str]) -> list[str]:
    """What the open jobs take, a line for each kind of work.

    Args:
        jobs: The jobs of a plan.
        every: All metrics of the board.
    """
    every = tuple(every)
    jobs = [job for job in jobs if job.state == "open"]
    lines = []
    for (due, fresh), count in Counter((j.due, j.restores and not j.repeats) for j in jobs).items():
        what = f"score {', '.join(due)} only" if due else "keep frames or slices"
        if due == every:
            what = "score" if fresh else "score the frames that are there"
        lines.append(f"{_jobs(count)}: restore and {what}" if fresh else f"{_jobs(count)}: {what}")
    repeats = sum(job.repeats for job in jobs)
    if repeats:
        lines.append(
            f"{repeats} of these restore{'s' if repeats == 1 else ''} again because frames were not kept; "
            "run with --keep png to avoid that next time"
        )
    return lines


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
