"""Gets the restored clip of a job: stored outputs, frames that are kept, or newly restored ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.card import MethodCard
from vfsrbench.errors import JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.io.names import slug
from vfsrbench.io.raw import RawWriter
from vfsrbench.predictor import ClipInfo
from vfsrbench.restoration.method_use import MethodUse, StoredOutputs
from vfsrbench.restoration.pipeline.both import overlapped
from vfsrbench.restoration.restore import restore_clip
from vfsrbench.results.restored_store import KeptNote
from vfsrbench.runs.due import DueJobs, Pending
from vfsrbench.runs.jobs import Setup, Task
from vfsrbench.runs.worker.clip_inputs import ClipInputs
from vfsrbench.runs.worker.outcome import Restored
from vfsrbench.runs.worker.parts.handed import HandedFrames
from vfsrbench.runs.worker.steps import Steps
from vfsrbench.runs.worker.worker import Worker
from vfsrbench.runtime.memory import count_parameters
from vfsrbench.splits.split import LqFacts, Split


@dataclass(frozen=True)
class ClipRestorer:
    """Restores one clip. `scratch` takes the raw frames that wait to be scored."""

    worker: Worker
    task: Task
    inputs: ClipInputs
    due: DueJobs
    steps: Steps
    scratch: Path

    @property
    def setup(self) -> Setup:
        return self.worker.setup

    def restored(self, jobs: Sequence[Pending]) -> Restored:
        """The restored clip of jobs with one `restore_key`: stored outputs, frames that are kept, or new.

        Raises:
            JobFailure: The method cannot restore this clip, or fails.
            InputError: Something cannot be read.
        """
        job = jobs[0].job
        use = self.setup.methods[job.method]
        if isinstance(use, StoredOutputs):
            clip, digest = self.inputs.stored(use, job.split)
            return Restored(jobs, clip, KeptNote(job.restore_key, digest), stored=True)
        handed = self._handed(jobs) if self.task.step == "score" else None
        if handed is not None:
            return handed
        again = self.due.kept_frames(job, self.task.clip.fps)
        if again is None:
            return self._restore(jobs, use)
        clip, note = again
        self._compare(job.split, note)
        return Restored(jobs, clip, note)

    def _handed(self, jobs: Sequence[Pending]) -> Restored | None:
        """The clip that another task of this run restored; None if it is not there."""
        job, facts = jobs[0].job, self.task.clip
        folder = HandedFrames(self.task.handed)
        found = folder.get(job.restore_key, facts.name, facts.fps)
        if found is None:
            return None
        clip, note, versions = found
        self._compare(job.split, note)
        place = folder.place(job.restore_key)
        return Restored(jobs, clip, note, scratch=place, anew=True, versions=versions)

    def _compare(self, split: str, note: KeptNote) -> None:
        """Hold what the method was fed against its manifest."""
        if note.lq_digest:
            self.inputs.compare(split, LqFacts(note.lq_digest, note.lq_digest_before_codec, {}))

    def _restore(self, jobs: Sequence[Pending], use: MethodUse) -> Restored:
        job = jobs[0].job
        split = self.setup.splits[job.split]
        self._check_fits(use.method.card, split)
        truth, _ = self.inputs.truth
        self.steps.send(job, "loading")
        predictor = self.worker.predictors.get(use, lambda: self.worker.release(use.id))
        source = truth if use.from_gt else self.degraded(job.split)
        recipe = "" if use.from_gt or split.given else split.name
        drawn = self.inputs.made[split.name][1].parameters if recipe else {}
        info = ClipInfo.of(source, truth, recipe, drawn)
        path = self.scratch / f"{slug(job.method)}.{job.restore_key[:16]}.raw"
        device, peaks = self.worker.device, self.worker.predictors.peaks
        size = info.frames, info.height, info.width, info.out_height, info.out_width
        alike = use.id, size, self.task.halved
        with RawWriter(path, truth.height, truth.width) as sink:
            with overlapped(source, sink, predictor.card, info, device) as (reading, writing):
                report = restore_clip(
                    predictor,
                    reading,
                    info,
                    writing,
                    seed=self.setup.board.seed,
                    device=device,
                    release=lambda: self.worker.release(use.id),
                    on_progress=self.steps.counter(job, "restoring", len(truth)),
                    smaller_windows=self.setup.options.smaller_windows,
                    halved=self.task.halved,
                    warm_up=self.worker.predictors.warms_up(use),
                    known_peak=peaks.get(alike, 0),
                )
            peaks[alike] = report.peak_memory
            raw = sink.done(truth.frame_names if truth.named_frames else None)
        fed = None if use.from_gt else self.inputs.made[split.name][1]
        note = KeptNote(
            restore_key=job.restore_key,
            digest=raw.digest,
            seconds=report.seconds,
            peak_memory=report.peak_memory,
            window=report.window,
            smaller_windows=report.smaller_windows,
            warmed_up=report.warmed_up,
            device=self.worker.device_name,
            parameters=count_parameters(predictor),
            warnings=report.warnings,
            lq_digest="" if fed is None else fed.digest,
            lq_digest_before_codec="" if fed is None else fed.digest_before_codec,
            clamped=report.reach.clamped,
        )
        return Restored(jobs, Clip(raw, truth.name, truth.fps), note, scratch=path, raw=raw, anew=True)

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

    def degraded(self, split: str) -> Clip:
        """A split's clip as methods get it. Raises what `ClipInputs.degraded` raises."""
        return self.inputs.degraded(split, lambda step, total: self.steps.counter(None, step, total))
