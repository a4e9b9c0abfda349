"""Writes the outcomes of a clip's jobs: new columns beside those that still count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vfsrbench.errors import JobFailure
from vfsrbench.geometry.guard import VERSION, Report
from vfsrbench.results.job import Job, Result
from vfsrbench.results.schema import JobRecord, Score
from vfsrbench.results.store import Features
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.due import DueJobs, Pending
from vfsrbench.runs.jobs import ClipFacts, Setup, Task
from vfsrbench.runs.keys import score_key
from vfsrbench.runs.records import base_record, ended
from vfsrbench.runs.worker.outcome import Ended
from vfsrbench.runtime.versions import versions
from vfsrbench.scoring.scores import Scores
from vfsrbench.weights.resolve import Weights

_BY_METRIC = ("clip_values", "missing", "unavailable")
_PLACED = ("findings", "geometry", "guard")


@dataclass(frozen=True)
class Scored:
    """New values of a job, and how they were made.

    `features` and `gt_features` name files, by metric; `weights` are those that the metrics loaded, `finders`
    what finds faces for them; `device` did the scoring, but for what `elsewhere` says, by metric; it took
    `seconds`. `restored_now` says that this run made the restored frames.
    """

    scores: Scores
    weights: Mapping[str, Weights] = field(default_factory=dict)
    finders: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    gt_features: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    device: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    restored_now: bool = False


@dataclass(frozen=True)
class Recorder:
    """Writes the results of one clip's jobs. The clip's lock is held."""

    setup: Setup
    workspace: Workspace
    clip: ClipFacts

    def write_gt_features(self, digest: str, features: Mapping[str, Features]) -> dict[str, str]:
        """Write the ground truth's features; the files' names, by metric."""
        write, keys = self.workspace.store.write_truth_features, self.setup.metric_keys
        return {metric: write(digest, metric, keys[metric], array) for metric, array in features.items()}

    def write_features(self, pending: Pending, scores: Scores) -> dict[str, str]:
        """Write the restored clip's features of the metrics that are due; the files' names, by metric."""
        job, write = pending.job, self.workspace.store.write_features
        return {
            metric: write(job.place, metric, score_key(job.key, self.setup.metric_keys[metric]), array)
            for metric, array in scores.features.items()
            if metric in pending.due
        }

    def finish(
        self, pending: Pending, facts: Mapping[str, Any], scored: Scored, names: Sequence[str]
    ) -> JobRecord:
        """Write a job's results.

        Args:
            pending: The job, with the columns that stay.
            facts: Fields of the record that belong to the restored frames, in place of `base_record`'s.
            scored: The new columns: those of the metrics that were due.
            names: The frames' names.
        """
        result = self.merged(pending, facts, scored, names)
        self.workspace.store.write(result)
        return result.record

    def merged(
        self, pending: Pending, facts: Mapping[str, Any], scored: Scored, names: Sequence[str]
    ) -> Result:
        """The columns that stay, and the new ones."""
        base = {**base_record(self.setup, self.clip, pending.job), **facts}
        own = dict(base["weights"]), dict(base["licences_accepted"])
        old, due = pending.stored, set(pending.due)
        notes = {m: self._note(m, pending.job, scored) for m in pending.due}
        columns = {m: v for m, v in scored.scores.values.items() if m in due}
        by_metric: dict[str, dict[str, Any]] = {
            name: {m: v for m, v in getattr(scored.scores, name).items() if m in due} for name in _BY_METRIC
        }
        known = {m: self.setup.metric_versions[m] for m in due}
        broken = scored.scores.broken & due
        if old is not None:
            base["only"] = base["only"] if old.record.only else []
            stay = [m for m in old.record.scores if m not in due]
            if not scored.restored_now:
                base["versions"] = old.record.versions
            notes |= {m: _carried(old.record, m) for m in stay}
            columns |= {m: v for m, v in old.values.items() if m in stay}
            known |= {m: old.record.metrics[m] for m in stay}
            broken |= set(old.record.broken) & set(stay)
            for name in _BY_METRIC:
                by_metric[name] |= {m: v for m, v in getattr(old.record, name).items() if m in stay}
        if scored.scores.place is not None:
            base |= placed(scored.scores.place)
        elif old is not None:  # the same frames
            base |= {name: getattr(old.record, name) for name in _PLACED}
        facts_of_scores = _scores_facts(notes, base["versions"], own)
        record = ended(
            {**base, **facts_of_scores, **{n: _sorted(v) for n, v in by_metric.items()}},
            "ok",
            metrics=_sorted(known),
            broken=sorted(broken),
        )
        return Result(record, names, _sorted(columns))

    def fail(self, pending: Pending, failure: JobFailure) -> JobRecord:
        """Write down why a job gave nothing. Columns that it has already stay, and what was due beside them
        is n/a with the reason."""
        if pending.stored is None:
            base = base_record(self.setup, self.clip, pending.job)
            record = ended(base, failure.status, failure.reason)
            self.workspace.store.write(Result(record))
            return record
        holes = Scores(unavailable=dict.fromkeys(pending.due, failure.reason), broken=set(pending.due))
        again = restoration_facts(pending.stored.record)
        return self.finish(pending, again, Scored(holes), pending.stored.frame_names)

    def _note(self, metric: str, job: Job, scored: Scored) -> Score:
        weights = scored.weights.get(metric) or Weights()
        return Score(
            key=score_key(job.key, self.setup.metric_keys[metric]),
            run=self.setup.run,
            weights=dict(weights.hashes),
            licences_accepted=dict(weights.accepted),
            untrained=weights.untrained,
            finder=self._finder(metric, scored),
            seconds=scored.seconds,
            device="; ".join(filter(None, (scored.device, scored.elsewhere.get(metric, "")))),
            versions=versions(),
            features=scored.features.get(metric, ""),
            gt_features=scored.gt_features.get(metric, ""),
        )

    def _finder(self, metric: str, scored: Scored) -> str:
        """What found the face for a metric, or for the one that it is derived from."""
        found = scored.finders.get(self.setup.sources.get(metric, metric), "")
        truth = self.clip.truth
        return (truth.finder if truth.landmarks else found) if found else ""


def fail_jobs(
    setup: Setup, workspace: Workspace, task: Task, jobs: Sequence[Job], reason: str
) -> list[Ended]:
    """Record these jobs of a task as failed, but for those that were scored before the worker crashed."""
    recorder = Recorder(setup, workspace, task.clip)
    due = DueJobs(setup, workspace)
    ends = []
    for job in jobs:
        pending = due.pending(job)
        record = pending.scored or recorder.fail(pending, JobFailure(reason))
        ends.append(Ended.of(job, record, setup.metric_keys))
    return ends


def restoration_facts(record: JobRecord) -> dict[str, Any]:
    """What a record says of the restored frames, for one that takes its place."""
    names = ("restored_digest", "restore_seconds", "peak_memory", "window", "device", "parameters", "clamped")
    more = ("smaller_windows", "warmed_up", "warnings", "canonical", "lq_digest", *_PLACED)
    return {name: getattr(record, name) for name in (*names, *more)}


def placed(report: Report) -> dict[str, Any]:
    """What a record says of the guard's report."""
    return {"findings": list(report.findings), "geometry": report.numbers, "guard": VERSION}


def _carried(record: JobRecord, metric: str) -> Score:
    """The note of a column that stays, with the versions that it was made with."""
    note = record.scores[metric]
    return note.model_copy(update={"versions": note.versions or record.versions})


def _scores_facts(
    notes: Mapping[str, Score], made_with: Mapping[str, str], own: tuple[dict[str, str], dict[str, str]]
) -> dict[str, Any]:
    """What the record says of all its columns together. `own` are the method's weights and licences."""
    weights, accepted = own
    for note in notes.values():
        weights |= note.weights
        accepted |= note.licences_accepted
    same = {m: n.model_copy(update={"versions": {}}) for m, n in notes.items() if n.versions == made_with}
    return {
        "scores": _sorted({**notes, **same}),
        "weights": weights,
        "licences_accepted": accepted,
        "score_seconds": sum(note.seconds for note in notes.values()),
    }


def _sorted(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(values.items()))
