"""The frames behind a result, where they still lie: ground truth, degraded and restored clips."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from vfsrbench import kept
from vfsrbench.board import DatasetUse
from vfsrbench.clip import Clip
from vfsrbench.dataset import DatasetClip, dataset_of, open_outputs
from vfsrbench.errors import InputError
from vfsrbench.jobs import Job
from vfsrbench.schema import JobRecord
from vfsrbench.store import slug
from vfsrbench.truth import TruthFacts, degraded_side, truth_facts, truth_side
from vfsrbench.workspace import Workspace


def truth_title(record: JobRecord) -> str:
    """What `Frames.truth` and the first strip show."""
    return "Ground truth" if record.reference else "Input"


@dataclass
class Frames:
    """Opens clips of a workspace by the records of their jobs; what is not there any more is None.

    Nothing is read before frames are asked for. `outputs` says where somebody's own results lie, by
    method.
    """

    workspace: Workspace
    dataset: DatasetUse
    outputs: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def _clips(self) -> dict[str, DatasetClip]:
        try:
            return {c.name: c for c in dataset_of(self.dataset).clips()}
        except InputError:
            return {}

    def truth(self, record: JobRecord) -> Clip | None:
        """The ground truth as it was compared (aligned, if the job was); without one, the enlarged input."""
        clip, facts = self._clip(record)
        if clip is None or facts is None:
            return None
        truth = truth_side(clip, facts)[0]
        return truth if len(truth) == record.frames else None

    def degraded(self, record: JobRecord) -> Clip | None:
        """The degraded clip as methods got it."""
        clip, facts = self._clip(record)
        if clip is None or facts is None:
            return None
        found = clip.lq.get(record.split) or self._made(record)
        return None if found is None else degraded_side(clip, facts, found)

    def _clip(self, record: JobRecord) -> tuple[DatasetClip | None, TruthFacts | None]:
        clip = self._clips.get(record.clip)
        if clip is None or clip.reference != record.reference:
            return None, None
        try:
            return clip, truth_facts(clip, record.gt_digest, record.aligned)
        except InputError:
            return clip, None

    def _made(self, record: JobRecord) -> Clip | None:
        folder = self.workspace.splits / slug(record.split)
        for note in sorted(folder.glob(f"{_literal(slug(record.clip))}.*.json")):
            place = note.with_suffix("")
            try:
                digest = json.loads(note.read_text())["digest"]
                if digest == record.lq_digest or not record.lq_digest:
                    return Clip.open(place, record.clip, record.fps)
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def restored(self, record: JobRecord) -> Clip | None:
        """The restored clip, if the run kept it or somebody's own results are still where they were."""
        if record.method in self.outputs:
            return self._stored(record)
        job = Job(record.method, record.split, record.clip, record.restore_key, record.key)
        note = kept.read_note(self.workspace, job)
        if note is None or note.digest != record.restored_digest:
            return None
        place = self.workspace.restored / slug(record.split) / slug(record.method)
        for path in (place / slug(record.clip), place / f"{slug(record.clip)}.mkv"):
            if path.exists():
                return Clip.open(path, record.clip, record.fps)
        return None

    def _stored(self, record: JobRecord) -> Clip | None:
        root = self.outputs[record.method]
        place = root / record.split if (root / record.split).is_dir() else root
        try:
            return open_outputs(place, dataset_of(self.dataset, [record.clip]))[record.clip]
        except (InputError, KeyError):
            return None


def _literal(name: str) -> str:
    """`name` in a glob pattern, standing for itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
