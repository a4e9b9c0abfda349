"""A worker's task: one clip with its open jobs. Degrade, restore with each method, score all together."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from vfsrbench.card import MethodCard
from vfsrbench.engines.base import Event, EventSink
from vfsrbench.errors import DiskError, InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.io.names import slug
from vfsrbench.io.raw import RawWriter
from vfsrbench.predictor import ClipInfo
from vfsrbench.restoration.method_use import MethodUse, StoredOutputs
from vfsrbench.restoration.predictor_cache import count_parameters
from vfsrbench.restoration.restore import restore_clip
from vfsrbench.results import restored_store
from vfsrbench.results.job import Job
from vfsrbench.results.restored_store import KeptNote
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import StripStore
from vfsrbench.runs.due import follow_from_stored, has_pieces
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.keys import score_key
from vfsrbench.runs.worker.clip_inputs import ClipInputs
from vfsrbench.runs.worker.outcome import Ended, Restored
from vfsrbench.runs.worker.recorder import Pending, Recorder, Scored, restoration_facts
from vfsrbench.runs.worker.worker import Worker
from vfsrbench.runtime.versions import device_name
from vfsrbench.scoring.scorer import derive
from vfsrbench.scoring.scores import Scores
from vfsrbench.splits.split import LqFacts, Split

SCRATCH_BYTES = 8 << 30
"""Restored clips that wait to be scored together take about this much of the disk at most."""
log = logging.getLogger(__name__)


@dataclass
class Unit:
    """One clip's way through a task. The clip's lock is held."""

    worker: Worker
    task: Task
    send_event: EventSink
    ends: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.setup: Setup = self.worker.setup
        self.workspace = self.worker.workspace
        self.inputs = ClipInputs(self.setup, self.workspace, self.task.clip)
        self.scratch = self.worker.scratch / slug(self.task.clip.name)
        self.recorder = Recorder(self.setup, self.workspace, self.task.clip)
        column, set_aside = self.setup.board.figures.slice_column, self.workspace.damaged.set_aside
        self.strips = StripStore(self.workspace.slices, column, set_aside)

    @cached_property
    def device(self) -> str:
        return device_name(self.worker.device)

    def run(self) -> None:
        """Do all jobs, or record why not. DiskError when the workspace cannot be written."""
        self._clean()  # a killed run's leftovers: the lock is ours
        try:
            waiting: list[Restored] = []
            for jobs in self._groups():
                restored = self._try(jobs)
                waiting += [restored] if restored is not None else []
                if waiting and len(waiting) * self._bytes() >= SCRATCH_BYTES:
                    self._score(waiting)
                    waiting = []
            self._score(waiting)
        finally:
            self._clean()

    def give_up(self, error: InputError) -> None:
        """Record the error for every job that has not ended."""
        over = {end.job for end in self.ends}
        left = (self.recorder.pending(job) for job in self.task.jobs if job not in over)
        self._fail([pending for pending in left if not self._is_done(pending)], error)

    def _clean(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _bytes(self) -> int:
        truth, _ = self.inputs.truth
        return len(truth) * truth.height * truth.width * 3

    def _groups(self) -> Iterator[list[Pending]]:
        """Jobs with the same restored frames together, without those that were done while we waited, and
        those that need no frames."""
        groups: dict[str, list[Pending]] = {}
        for job in self.task.jobs:
            pending = self.recorder.pending(job)
            if not self._is_done(pending) and not self._derived(pending):
                groups.setdefault(job.restore_key, []).append(pending)
        yield from groups.values()

    def _is_done(self, pending: Pending) -> bool:
        """Whether another run, or this task's first try, did the job since the run was planned."""
        if pending.due or pending.stored is None:
            return False
        record = pending.stored.record
        if record.status == "ok" and not has_pieces(pending.job, record, self.setup, self.workspace):
            return False
        self.ends.append(Ended.of(pending.job, record, self.setup.metric_keys))
        return True

    def _derived(self, pending: Pending) -> bool:
        """Compute what is due from stored values, if that is all it takes."""
        if pending.stored is None or not follow_from_stored(pending.due, self.setup):
            return False
        if not has_pieces(pending.job, pending.stored.record, self.setup, self.workspace):
            return False
        scores = Scores()
        derive(scores, self.worker.scorer.cards, pending.wanted())
        record = self.recorder.finish(
            pending, restoration_facts(pending.stored.record), Scored(scores), pending.stored.frame_names
        )
        self._tell_end(pending.job, record)
        return True

    def _try(self, jobs: Sequence[Pending]) -> Restored | None:
        """The jobs' restored clip; when there is none, the reason is recorded."""
        try:
            job = jobs[0].job
            problem = self.task.clip.problem(job.method, job.split)
            if problem:
                raise JobFailure(problem)
            restored = self._restored(jobs)
        except (JobFailure, InputError) as error:
            self._fail(jobs, error)
            return None
        every = tuple(self.setup.metric_keys)
        restored.jobs = [pending.on(restored.note.digest, every) for pending in jobs]
        return restored

    def _restored(self, jobs: Sequence[Pending]) -> Restored:
        job, options = jobs[0].job, self.setup.options
        use = self.setup.methods[job.method]
        if isinstance(use, StoredOutputs):
            clip, digest = self.inputs.stored(use, job.split)
            return Restored(jobs, clip, KeptNote(job.restore_key, digest), stored=True)
        again = None if options.force else restored_store.reopen(self.workspace, job, self.task.clip.fps)
        if again is None:
            return self._restore(jobs, use)
        clip, note = again
        if note.lq_digest:
            self.inputs.compare(job.split, LqFacts(note.lq_digest, note.lq_digest_before_codec, {}))
        return Restored(jobs, clip, note)

    def _restore(self, jobs: Sequence[Pending], use: MethodUse) -> Restored:
        job = jobs[0].job
        split = self.setup.splits[job.split]
        self._check_fits(use.method.card, split)
        truth, _ = self.inputs.truth
        self._say(job, "loading")
        predictor = self.worker.predictors.get(use, lambda: self.worker.release(use.id))
        source = truth if use.from_gt else self._degraded(job.split)
        recipe = "" if use.from_gt or split.given else split.name
        drawn = self.inputs.made[split.name][1].parameters if recipe else {}
        info = ClipInfo.of(source, truth, recipe, drawn)
        path = self.scratch / f"{slug(job.method)}.{job.restore_key[:16]}.raw"
        with RawWriter(path, truth.height, truth.width) as sink:
            report = restore_clip(
                predictor,
                source,
                info,
                sink,
                seed=self.setup.board.seed,
                device=self.worker.device,
                release=lambda: self.worker.release(use.id),
                on_progress=self._counter(job, "restoring", len(truth)),
            )
            raw = sink.done(truth.frame_names if truth.named_frames else None)
        fed = None if use.from_gt else self.inputs.made[split.name][1]
        note = KeptNote(
            restore_key=job.restore_key,
            digest=raw.digest,
            seconds=report.seconds,
            peak_memory=report.peak_memory,
            window=report.window,
            device=self.device,
            parameters=count_parameters(predictor),
            warnings=report.warnings,
            lq_digest="" if fed is None else fed.digest,
            lq_digest_before_codec="" if fed is None else fed.digest_before_codec,
            clamped=report.reach.clamped,
        )
        return Restored(jobs, Clip(raw, truth.name, truth.fps), note, scratch=path, anew=True)

    def _check_fits(self, card: MethodCard, split: Split) -> None:
        """JobFailure when such a method has nothing to do here."""
        reference = self.task.clip.truth.reference
        if card.source == "gt":
            if not reference:
                raise JobFailure("is fed the ground truth, which this clip does not have", "skipped")
            return
        needed = split.scale if reference else self.setup.board.dataset.scale or 1
        if card.scale is not None and needed is not None and card.scale != needed:
            what = "this split needs" if reference else "asked for is --scale"
            raise JobFailure(f"enlarges by {card.scale}, {what} {needed:g}", "skipped")

    def _degraded(self, split: str) -> Clip:
        return self.inputs.degraded(split, lambda step, total: self._counter(None, step, total))

    def _score(self, waiting: Sequence[Restored]) -> None:
        """Score restored clips together, write their jobs' results, and free their disk space.

        Where frames cannot be read, each clip is scored alone, so that the damage costs one of them only.
        """
        if not waiting:
            return
        try:
            self._score_together(waiting)
        except (JobFailure, InputError) as error:
            if isinstance(error, InputError) and len(waiting) > 1 and not isinstance(error, DiskError):
                for restored in waiting:
                    self._score([restored])
                return
            self._fail([pending for restored in waiting for pending in restored.jobs], error)

    def _score_together(self, waiting: Sequence[Restored]) -> None:
        truth, info = self.inputs.truth
        started = time.perf_counter()
        step = f"scoring {len(waiting)} restored clips"
        wanted = [restored.wanted() for restored in waiting]
        scores, features = self.worker.scorer.score(
            truth,
            info,
            [r.clip for r in waiting],
            self._counter(None, step, len(truth)),
            lambda: self.worker.predictors.release(""),
            wanted,
        )
        seconds = (time.perf_counter() - started) / max(1, sum(len(w.metrics) for w in wanted))
        self.inputs.check_unchanged()
        files = {
            metric: self.workspace.store.write_truth_features(
                info.digest, metric, self.setup.metric_keys[metric], array
            )
            for metric, array in features.items()
        }
        scored = Scored(Scores(), self.worker.scorer.weights, {}, files, seconds, self.device)
        for restored, found in zip(waiting, scores, strict=True):
            for pending in restored.jobs:
                self._try_finish(pending, restored, replace(scored, scores=found))
            if restored.scratch is not None:
                restored.scratch.unlink(missing_ok=True)

    def _try_finish(self, pending: Pending, restored: Restored, scored: Scored) -> None:
        """`_finish`; a clip that an encoder refuses, or stored frames that were changed, fail this job."""
        try:
            if restored.stored:
                self.inputs.check_stored(restored.clip, restored.note.digest, pending.job.method)
            self._finish(pending, restored, scored)
        except InputError as error:
            self._fail([pending], error)

    def _finish(self, pending: Pending, restored: Restored, scored: Scored) -> None:
        """Write a job's results; the record comes last, as it says that all the rest is there."""
        truth, _ = self.inputs.truth
        job, note = pending.job, restored.note
        # what is said of the degraded frames is said by jobs that were fed them, and by no others
        differs = self.inputs.differing.get(job.split, "") if note.lq_digest else ""
        facts = {
            "lq_digest": note.lq_digest,
            "restored_digest": note.digest,
            "restore_seconds": note.seconds,
            "peak_memory": note.peak_memory,
            "window": note.window,
            "device": note.device,
            "parameters": note.parameters,
            "clamped": note.clamped,
            "warnings": [*self.task.clip.notes, *note.warnings, *([differs] if differs else [])],
            "canonical": not differs,
        }
        features = {
            metric: self.workspace.store.write_features(
                job.place, metric, score_key(job.key, self.setup.metric_keys[metric]), array
            )
            for metric, array in scored.scores.features.items()
            if metric in pending.due
        }
        scored = replace(scored, features=features, restored_now=restored.anew)
        result = self.recorder.merged(pending, facts, scored, truth.frame_names)
        degraded = None
        if note.lq_digest and not self.strips.degraded_path(result.record).is_file():
            degraded = self._degraded(job.split)
        self.strips.keep(result.record, truth, degraded, restored.clip)
        keep = self.setup.options.keep
        if keep != "none" and not restored.stored:
            self._say(job, "keeping the frames")
            restored_store.keep_frames(self.workspace, job, keep, restored.clip, note)
        self.workspace.store.write(result)
        self._tell_end(job, result.record)

    def _fail(self, jobs: Sequence[Pending], error: JobFailure | InputError) -> None:
        """Record why the jobs have no result. A DiskError is no job's affair: it passes on."""
        if isinstance(error, DiskError):
            raise error
        failure = error if isinstance(error, JobFailure) else JobFailure(str(error))
        for pending in jobs:
            job = pending.job
            log.warning("%s, %s, %s: %s", job.method, job.split, job.clip, failure, exc_info=error)
            record = self.recorder.fail(pending, failure)
            self._tell_end(job, record)

    def _tell_end(self, job: Job, record: JobRecord) -> None:
        self.ends.append(Ended.of(job, record, self.setup.metric_keys))
        self._say(job, record.status)

    def _say(self, job: Job | None, step: str, done: int = 0, total: int = 0) -> None:
        self.send_event(Event(None if job is None else self.task.jobs.index(job), step, done, total))

    def _counter(self, job: Job | None, step: str, total: int) -> Callable[[int], None]:
        self._say(job, step, 0, total)
        return lambda done: self._say(job, step, done, total)
