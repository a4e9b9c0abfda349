"""A worker's task: one clip with its open jobs. Degrade, restore with each method, score all together."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from vfsrbench.datasets.crop import Crop
from vfsrbench.engines.base import EventSink
from vfsrbench.errors import DiskError, InputError, JobFailure, PoisonedDevice, counted
from vfsrbench.io.names import slug
from vfsrbench.restoration.method_use import StoredOutputs
from vfsrbench.results import restored_store
from vfsrbench.results.job import Job
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore
from vfsrbench.runs.due import DueJobs, Pending
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.clip_inputs import ClipInputs
from vfsrbench.runs.worker.face_points import face_points
from vfsrbench.runs.worker.outcome import Ended, Restored
from vfsrbench.runs.worker.parts.handed import HandedFrames
from vfsrbench.runs.worker.recorder import Recorder, Scored, restoration_facts
from vfsrbench.runs.worker.restorer import ClipRestorer
from vfsrbench.runs.worker.shares import Shares
from vfsrbench.runs.worker.steps import Steps
from vfsrbench.runs.worker.worker import Worker
from vfsrbench.scoring.derived import derive
from vfsrbench.scoring.scorer import WINDOW
from vfsrbench.scoring.scores import Scores

SCRATCH_BYTES = 8 << 30
"""Restored clips that wait to be scored together take about this much of the disk at most."""
log = logging.getLogger(__name__)


@dataclass
class TaskRunner:
    """One clip's way through a task. The task's locks are held."""

    worker: Worker
    task: Task
    send_event: EventSink
    ends: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.setup: Setup = self.worker.setup
        self.workspace = self.worker.workspace
        self.scratch = self.worker.scratch / slug(self.task.clip.name)
        self.recorder = Recorder(self.setup, self.workspace, self.task.clip)
        self.due = DueJobs(self.setup, self.workspace)
        self.steps = Steps(self.task, self.send_event)
        self.inputs = ClipInputs(
            self.setup,
            self.workspace,
            self.task.clip,
            self.worker.load_finder,
            partial(self.steps.counter, None),
        )
        self.restorer = ClipRestorer(self.worker, self.task, self.inputs, self.due, self.steps, self.scratch)
        column, set_aside = self.setup.board.figures.slice_column, self.workspace.damaged.set_aside
        self.shares = Shares(self.workspace)
        self.strips = StripStore(self.workspace.slices, column, set_aside)

    def run(self) -> None:
        """Do all jobs, or record why not. DiskError when the workspace cannot be written."""
        shutil.rmtree(self.scratch, ignore_errors=True)  # a killed run's leftovers: the lock is ours
        if self.task.share.number:
            self._hand_in()
            return
        if self.task.step == "restore":
            self._hand_over()
            return
        try:
            waiting: list[Restored] = []
            for jobs in self._groups():
                restored = self._try(jobs)
                waiting += [restored] if restored is not None else []
                if waiting and len(waiting) * self.inputs.raw_bytes >= SCRATCH_BYTES:
                    self._score(waiting)
                    waiting = []
            self._score(waiting)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _hand_over(self) -> None:
        """Restore for the task that scores. What fails is recorded here; what is there is not done again."""
        handed = HandedFrames(self.task.handed)
        try:
            for jobs in self._groups():
                job = jobs[0].job
                kept = not self.setup.options.force and restored_store.is_kept(self.workspace, job)
                if kept or handed.is_there(job.restore_key):
                    continue
                restored = self._try(jobs)
                if restored is not None and restored.raw is not None:
                    self.steps.send(job, "handing over")
                    handed.put(restored.raw, restored.note)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _hand_in(self) -> None:
        """Score a share of the frames for the task that ends the jobs. Whatever fails here is tried there."""
        clip, share = self.task.clip, self.task.share
        try:
            waiting = [self._restored(jobs) for jobs in self._groups_to_share()]
            truth, info = self.inputs.truth
            wanted, clips = [r.wanted() for r in waiting], [r.clip for r in waiting]
            frames, left_out = share.frames(len(truth), WINDOW), dict(self.task.left_out)
            part = self.worker.scorer.part(truth, info, clips, frames, wanted, left_out) if clips else None
        except (JobFailure, InputError) as error:
            log.warning("%s, share %d of its frames: %s", clip.name, share.number, error)
            return
        if part is not None:
            self.shares.hand_in(self.task, [r.note.restore_key for r in waiting], part)

    def _groups_to_share(self) -> Iterable[list[Pending]]:
        """As `_groups`, but nothing is recorded, as another task ends the jobs. Outputs compared with a part
        of the picture are left to it."""
        groups: dict[str, list[Pending]] = {}
        for job in self.task.jobs:
            pending = self.due.pending(job)
            due = self.due.finished(pending) is None and not self.due.needs_no_frames(pending)
            whole = (job.method, job.split) not in self.task.clip.crops
            if due and whole and not self.task.clip.problem(job.method, job.split):
                groups.setdefault(job.restore_key, []).append(pending)
        return groups.values()

    def give_up(self, error: InputError) -> None:
        """Record the error for every job that has not ended."""
        if self.task.share.number:
            return
        over = {end.job for end in self.ends}
        left = (self.due.pending(job) for job in self.task.jobs if job not in over)
        self._fail([pending for pending in left if not self._is_done(pending)], error)

    def rest_after(self, lost: PoisonedDevice) -> Task | None:
        """What is left of the task for another process; None if nothing is.

        Restored clips that waited to be scored are restored again: what is scored here could not be trusted.
        """
        over = {end.job for end in self.ends}
        jobs = tuple(job for job in self.task.jobs if job not in over)
        left_out = self.task.left_out + (((lost.metric, lost.reason),) if lost.metric else ())
        return replace(self.task, jobs=jobs, left_out=left_out) if jobs else None

    def _groups(self) -> Iterator[list[Pending]]:
        """Jobs with the same restored frames together, without those that were done while we waited, and
        those that need no frames."""
        groups: dict[str, list[Pending]] = {}
        for job in self.task.jobs:
            pending = self.due.pending(job)
            if not self._is_done(pending) and not self._derived(pending):
                groups.setdefault(job.restore_key, []).append(pending)
        yield from groups.values()

    def _is_done(self, pending: Pending) -> bool:
        """Whether another run, or this task's first try, did the job since the run was planned."""
        record = self.due.finished(pending)
        if record is not None:
            self.ends.append(Ended.of(pending.job, record, self.setup.metric_keys))
        return record is not None

    def _derived(self, pending: Pending) -> bool:
        """Compute what is due from stored values, if that is all it takes."""
        if pending.stored is None or not self.due.needs_no_frames(pending):
            return False
        scores = Scores()
        derive(scores, self.worker.scorer.cards, pending.wanted())
        facts = restoration_facts(pending.stored.record)
        record = self.recorder.finish(pending, facts, Scored(scores), pending.stored.frame_names)
        self._end(pending.job, record)
        return True

    def _try(self, jobs: Sequence[Pending]) -> Restored | None:
        """The jobs' restored clip; when there is none, the reason is recorded."""
        try:
            job = jobs[0].job
            problem = self.task.clip.problem(job.method, job.split)
            if problem:
                raise JobFailure(problem)
            return self._restored(jobs)
        except PoisonedDevice as lost:
            if lost.own:
                self._fail(jobs, lost)
            raise
        except (JobFailure, InputError) as error:
            self._fail(jobs, error)
            return None

    def _restored(self, jobs: Sequence[Pending]) -> Restored:
        restored = self.restorer.restored(jobs)
        every = self.setup.metrics_of(jobs[0].job.method)
        restored.jobs = [pending.on(restored.note.digest, every) for pending in jobs]
        return restored

    def _score(self, waiting: Sequence[Restored]) -> None:
        """Score restored clips, those together that are compared with the same part of the ground truth."""
        for crop in dict.fromkeys(map(self._crop, waiting)):
            self._score_alike([restored for restored in waiting if self._crop(restored) == crop], crop)

    def _crop(self, restored: Restored) -> Crop | None:
        job = restored.jobs[0].job
        return self.task.clip.crops.get((job.method, job.split))

    def _score_alike(self, waiting: Sequence[Restored], crop: Crop | None) -> None:
        """Score restored clips together, write their jobs' results, and free their disk space.

        Where frames cannot be read, each clip is scored alone, so that the damage costs one of them only.
        """
        try:
            self._score_together(waiting, crop)
        except PoisonedDevice:  # a metric's doing; the jobs are scored without it, by another process
            raise
        except (JobFailure, InputError) as error:
            if isinstance(error, InputError) and len(waiting) > 1 and not isinstance(error, DiskError):
                for restored in waiting:
                    self._score([restored])
                return
            self._fail([pending for restored in waiting for pending in restored.jobs], error)

    def _score_together(self, waiting: Sequence[Restored], crop: Crop | None) -> None:
        truth, info = self.inputs.truth_of(crop)
        started = time.perf_counter()
        step = f"scoring {counted(len(waiting), 'restored clip')}"
        wanted = [restored.wanted() for restored in waiting]
        scores, features = self.worker.scorer.score(
            truth,
            info,
            [r.clip for r in waiting],
            self.steps.counter(None, step, len(truth)),
            lambda: self.worker.predictors.release(""),
            wanted,
            dict(self.task.left_out),
            () if crop else self.shares.parts(self.task, len(truth), [r.note.restore_key for r in waiting]),
        )
        seconds = (time.perf_counter() - started) / max(1, sum(len(w.metrics) for w in wanted))
        self.inputs.check_unchanged()
        files = self.recorder.write_gt_features(info.digest, features)
        scorer, device = self.worker.scorer, self.worker.device_name
        elsewhere = {m: metric.runs_on for m, metric in scorer.metrics.items() if metric.runs_on}
        scored = Scored(Scores(), scorer.weights, scorer.finders, {}, files, seconds, device, elsewhere)
        for restored, found in zip(waiting, scores, strict=True):
            for pending in restored.jobs:
                self._try_finish(pending, restored, replace(scored, scores=found))
            if restored.scratch is not None:
                restored.scratch.unlink(missing_ok=True)

    def _try_finish(self, pending: Pending, restored: Restored, scored: Scored) -> None:
        """`_finish`; a clip that an encoder refuses, or stored frames that were changed, fail this job."""
        try:
            use = self.setup.methods[pending.job.method]
            if isinstance(use, StoredOutputs):
                self.inputs.check_stored(use, pending.job.split)
            self._finish(pending, restored, scored)
        except InputError as error:
            self._fail([pending], error)

    def _finish(self, pending: Pending, restored: Restored, scored: Scored) -> None:
        """Write a job's results; the record comes last, as it says that all the rest is there."""
        crop = self._crop(restored)
        truth, info = self.inputs.truth_of(crop)
        job, note = pending.job, restored.note
        facts = restored.facts(self.inputs.notes, self.inputs.differing.get(job.split, ""))
        features = self.recorder.write_features(pending, scored.scores)
        scored = replace(scored, features=features, restored_now=restored.anew)
        result = self.recorder.merged(pending, facts, scored, truth.frame_names)
        degraded = None
        if note.lq_digest and not self.strips.degraded_path(result.record).is_file():
            degraded = self.restorer.degraded(job.split)
        if crop is None:  # strips of a clip stand side by side
            cache = self.workspace.truth_cache(info.digest)
            face = partial(face_points, info, cache)
            self.strips.keep(result.record, truth, degraded, restored.clip, face)
        keep = self.setup.options.keep
        if keep != "none" and not restored.stored:
            self.steps.send(job, "keeping the frames")
            restored_store.keep_frames(self.workspace, job, keep, restored.clip, note)
        self.workspace.store.write(result)
        self._end(job, result.record)

    def _fail(self, jobs: Sequence[Pending], error: JobFailure | InputError) -> None:
        """Record why the jobs have no result. A DiskError concerns every job: it passes on."""
        if isinstance(error, DiskError):
            raise error
        failure = error if isinstance(error, JobFailure) else JobFailure(str(error))
        for pending in jobs:
            job = pending.job
            log.warning("%s, %s, %s: %s", job.method, job.split, job.clip, failure, exc_info=error)
            record = self.recorder.fail(pending, failure)
            self._end(job, record)

    def _end(self, job: Job, record: JobRecord) -> None:
        self.ends.append(Ended.of(job, record, self.setup.metric_keys))
        self.steps.send(job, record.status)
