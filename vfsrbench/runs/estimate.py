"""What a run will take of the disk and of the day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from vfsrbench.errors import InputError
from vfsrbench.results.job import Job
from vfsrbench.results.load import result_files
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import read_record
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import ClipFacts
from vfsrbench.runs.plan import Plan
from vfsrbench.runs.worker.task_runner import SCRATCH_BYTES

# bytes a pixel of what is written: PNG of noisy faces, FFV1, and raw frames
_PNG, _VIDEO, _RAW = 2.0, 1.6, 3.0
_RESULT_BYTES = 40_000
_SMALLEST_SCALE = 4.0


@dataclass(frozen=True)
class Disk:
    """Bytes: degraded clips, kept frames, what one worker needs at a time, results and strips."""

    degraded: int
    kept: int
    scratch: int
    results: int

    @property
    def lasting(self) -> int:
        """What stays when the run is over."""
        return self.degraded + self.kept + self.results


@dataclass(frozen=True)
class Duration:
    """Seconds of one worker, from `measured` earlier jobs; `unknown` methods and metrics never ran here."""

    seconds: float
    measured: int
    unknown: tuple[str, ...]


def disk_need(plan: Plan) -> Disk:
    """What the open jobs of a plan will write, at the most."""
    clips = {clip.name: clip for clip in plan.clips}
    anew = [job for job in plan.open if job.restores]
    degraded = {(j.clip, j.split) for j in anew if not plan.setup.from_gt(j)}
    need = 0.0
    for name, split in degraded:
        recipe = plan.setup.splits[split]
        scale = recipe.scale or _SMALLEST_SCALE
        clean = clips[name].frames * clips[name].height * clips[name].width
        need += 0 if recipe.given else clean / scale**2 * _PNG
    own = [job for job in plan.open if not plan.setup.is_stored(job)]
    a_pixel = {"png": _PNG, "video": _VIDEO, "none": 0.0}[plan.setup.options.keep]
    kept = sum(_pixels(clips[job.clip]) * a_pixel for job in own)
    return Disk(int(need), int(kept), _scratch(anew, clips), _RESULT_BYTES * len(plan.open))


def _scratch(anew: Iterable[Job], clips: Mapping[str, ClipFacts]) -> int:
    restored = {(job.clip, job.restore_key) for job in anew}
    by_clip: dict[str, float] = {}
    for name, _ in restored:
        by_clip[name] = by_clip.get(name, 0.0) + _pixels(clips[name]) * _RAW
    largest = max((_pixels(clips[name]) * _RAW for name in by_clip), default=0.0)
    return int(min(max(by_clip.values(), default=0.0), SCRATCH_BYTES + largest))


def check_disk(plan: Plan, workspace: Workspace) -> None:
    """InputError when the disk is too small for the run."""
    if not plan.open:
        return
    need, free = disk_need(plan), workspace.free_bytes()
    if need.lasting + need.scratch > free:
        raise InputError(
            f"workspace {workspace.root}: the run needs up to {gigabytes(need.lasting + need.scratch)} of "
            f"disk, {gigabytes(free)} are free; free some, choose another --workspace or a smaller --keep"
        )


def time_need(plan: Plan, workspace: Workspace) -> Duration:
    """How long the open jobs will take, judged by earlier jobs in this workspace."""
    rates: dict[str, list[float]] = {}
    measured = 0
    for record in earlier_records(workspace):
        measured += 1
        pixels = record.frames * record.height * record.width
        if record.restore_seconds:
            rates.setdefault(record.method, []).append(record.restore_seconds / pixels)
        for metric, score in record.scores.items():
            rates.setdefault(metric, []).append(score.seconds / pixels)
    clips = {clip.name: clip for clip in plan.clips}
    # restorations that several jobs share are done, and scored, once
    todo = {(step, j.clip, j.restore_key) for j in plan.open for step in _steps(j)}
    return Duration(
        seconds=sum(median(rates[step]) * _pixels(clips[clip]) for step, clip, _ in todo if step in rates),
        measured=measured,
        unknown=tuple(sorted({step for step, _, _ in todo if step not in rates})),
    )


def earlier_records(workspace: Workspace) -> Iterator[JobRecord]:
    """The records of all jobs that ended well in a workspace."""
    for path in result_files([workspace.store.root]):
        record = _readable(path)
        if record is not None and record.status == "ok" and record.frames:
            yield record


def _steps(job: Job) -> tuple[str, ...]:
    """What takes time of a job: its method, if it restores, and the metrics that are due."""
    return (job.method, *job.due) if job.restores else job.due


def _readable(path: Path) -> JobRecord | None:
    try:
        return read_record(path)
    except InputError:
        return None


def _pixels(clip: ClipFacts) -> int:
    """Pixels of a restored clip."""
    return clip.frames * clip.truth.height * clip.truth.width


def gigabytes(count: float) -> str:
    """A number of bytes for a reader."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**29 else f"{count / 2**20:.1f} MiB"
