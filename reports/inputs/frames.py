"""The frames behind a result, where they still lie: ground truth, degraded and restored clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from reports.inputs.losses import Losses
from reports.known.unchanged import Unchanged
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.hashing.code import module_digest
from vfsrbench.io.names import slug
from vfsrbench.io.safety.sealed import content_digest, reading
from vfsrbench.results import restored_store
from vfsrbench.results.job import Job
from vfsrbench.runtime.versions import library_versions

if TYPE_CHECKING:
    from vfsrbench.board import DatasetUse
    from vfsrbench.datasets.dataset import DatasetClip
    from vfsrbench.datasets.layouts import Found
    from vfsrbench.datasets.reference import GtFacts
    from vfsrbench.io.clip import Clip
    from vfsrbench.results.schema import JobRecord
    from vfsrbench.results.workspace import Workspace


DEMO = "demo"
_COMPARED = {"clip", "reference", "aligned", "finder", "frames", "gt_digest", "cropped"}


def truth_title(record: JobRecord) -> str:
    """What `Frames.truth` and the first strip show."""
    return "Ground truth" if record.reference else "Input"


def fed_record(records: Iterable[JobRecord]) -> JobRecord:
    """The record that says which degraded frames a clip has: of a method that was fed them, if any was."""
    found = list(records)
    return next((record for record in found if record.lq_digest), found[0])


@dataclass
class Frames:
    """Opens clips of a workspace by the records of their jobs; what is not there any more is None.

    Nothing is read before frames are asked for; files of the workspace are checked against their checksums.
    `truth`, `degraded` and `restored` give frames; `has_truth` and so on say whether they would, and look
    into no file that is as it was when it was last found whole (`unchanged`). `outputs` says where stored
    outputs are, by method; `losses` collects what cannot be shown. What reads clips is imported when one is.
    """

    workspace: Workspace
    dataset: DatasetUse
    outputs: Mapping[str, Path] = field(default_factory=dict)
    losses: Losses | None = None
    unchanged: Unchanged = field(default_factory=Unchanged)

    def __post_init__(self) -> None:
        self.losses = self.losses or Losses(self.workspace.damaged)
        self.set_aside = self.losses.set_aside
        self._opened: dict[tuple[str, ...], Clip | None] = {}
        self._seen: dict[str, str] = {}

    @cached_property
    def _clips(self) -> dict[str, DatasetClip]:
        from vfsrbench.datasets.dataset import dataset_of

        try:
            return {c.name: c for c in dataset_of(self.dataset).clips()}
        except InputError as error:
            self._say(f"no frames of the data set are shown: {error}")
            return {}

    @cached_property
    def _places(self) -> dict[str, Found]:
        """Where the data set's clips lie; empty where that cannot be told."""
        from vfsrbench.datasets.dataset import dataset_of

        try:
            return {place.name: place for place in dataset_of(self.dataset).found}
        except InputError:
            return {}

    def _say(self, line: str) -> None:
        assert self.losses is not None
        self.losses.say(line)

    def _once(self, key: tuple[str, ...], find: Callable[[], Clip | None]) -> Clip | None:
        """A checksum over a clip's files is taken once."""
        if key not in self._opened:
            self._opened[key] = find()
        return self._opened[key]

    def has_truth(self, record: JobRecord) -> bool:
        """Whether there is a `truth`."""
        return self.unchanged.holds(
            ["truth", *self._asked(record)], self._files(record), lambda: self.truth(record) is not None
        )

    def has_degraded(self, record: JobRecord) -> bool:
        """Whether there is a `degraded` clip."""
        place = self._places.get(record.clip)
        files = list(self._files(record))
        if files and place is not None and record.split not in place.lq:
            notes = self._degraded_notes(record)
            files = [*files, *notes, *(note.with_suffix("") for note in notes)] if notes else []
        return self.unchanged.holds(
            ["degraded", record.split, record.lq_digest, *self._asked(record)],
            files,
            lambda: self.degraded(record) is not None,
        )

    def has_restored(self, record: JobRecord) -> bool:
        """Whether there is a `restored` clip."""
        own = record.method not in self.outputs and not record.cropped
        return self.unchanged.holds(
            ["restored", record.restored_digest],
            restored_store.files(self.workspace, _job(record)) if own else (),
            lambda: self.restored(record) is not None,
        )

    def _asked(self, record: JobRecord) -> list[object]:
        """What `truth` depends on beside files. Decoders count, as the digest is of decoded frames."""
        reading = module_digest("vfsrbench.io.images.reader", "vfsrbench.io.video.reader")
        return [
            self.dataset.model_dump(mode="json"),
            record.model_dump(mode="json", include=_COMPARED),
            [reading, *library_versions().items()],
        ]

    def _files(self, record: JobRecord) -> Sequence[Path]:
        """All files that `truth` reads; none where they cannot be told, as where landmarks were found."""
        place = self._places.get(record.clip)
        if place is None or (record.aligned and record.finder):
            return ()
        if self.dataset.layout == DEMO:
            from vfsrbench.datasets.demo.places import DEFAULT_FRAMES, demo_files

            return demo_files(place.name, self.dataset.frames or DEFAULT_FRAMES)
        lies = (place.gt, *place.lq.values(), place.landmarks)
        return [path for path in lies if path is not None]

    def truth(self, record: JobRecord) -> Clip | None:
        """The ground truth as it was compared (aligned, if the job was); without one, the enlarged input."""
        from vfsrbench.datasets.reference import gt_side

        clip, facts = self._clip(record)
        if clip is None or facts is None:
            return None
        truth = gt_side(clip, facts)[0]
        if len(truth) != record.frames and not record.cropped:
            self._say(f"no frames of {record.clip} are shown: it has {len(truth)} now, {record.frames} then")
            return None
        return truth

    def degraded(self, record: JobRecord) -> Clip | None:
        """The degraded clip as methods got it."""
        from vfsrbench.datasets.reference import lq_side

        clip, facts = self._clip(record)
        if clip is None or facts is None:
            return None
        key = ("degraded", record.split, record.clip, record.lq_digest)
        found = clip.lq.get(record.split) or self._once(key, lambda: self._made(record))
        return None if found is None else lq_side(clip, facts, found)

    def _clip(self, record: JobRecord) -> tuple[DatasetClip | None, GtFacts | None]:
        from vfsrbench.datasets.found_landmarks import FoundBy
        from vfsrbench.datasets.reference import gt_facts

        clip = self._clips.get(record.clip)
        if clip is None or clip.reference != record.reference:
            if self._clips:
                self._say(f"no frames of {record.clip} are shown: the data set does not have it any more")
            return None, None
        if not self._is_as_run(clip, record):
            self._say(f"no frames of {record.clip} are shown: they are not those any more that the run read")
            return None, None
        found_by = FoundBy(record.finder) if record.finder and record.aligned else None
        try:
            facts = gt_facts(clip, record.gt_digest, record.aligned, found_by)
            return (clip if found_by is None else self._found(clip, record)), facts
        except InputError as error:
            self._say(f"no frames of {record.clip} are shown: {error}")
            return clip, None

    def _is_as_run(self, clip: DatasetClip, record: JobRecord) -> bool:
        """Whether the frames are those of the record's digest. What was aligned, or has no files, is taken as
        it is: its digest is of more than its frames."""
        from vfsrbench.io.digest_cache import clip_files

        source = clip.gt if clip.gt is not None else next(iter(clip.lq.values()))
        if record.aligned or not clip_files(source) or len(source) != record.frames:
            return True  # another length has a reason of its own
        if record.clip not in self._seen:
            self._seen[record.clip] = self._digest(clip)
        return self._seen[record.clip] in ("", record.gt_digest)

    def _digest(self, clip: DatasetClip) -> str:
        """Of the clip's ground truth now; empty where it cannot be read, which is said when it is shown."""
        from vfsrbench.datasets.reference import gt_frames_digest
        from vfsrbench.io.clip import Clip
        from vfsrbench.io.digest_cache import ClipDigests

        notes = self.workspace.cache / "digests"
        try:
            known = ClipDigests(notes, self.set_aside).of if notes.is_dir() else Clip.digest
            return gt_frames_digest(clip, known)
        except InputError:
            return ""

    def _found(self, clip: DatasetClip, record: JobRecord) -> DatasetClip:
        """The clip with the landmarks that the run found on it. InputError when they are gone."""
        from vfsrbench.datasets.found_landmarks import kept_landmarks

        points = kept_landmarks(self.workspace.truth_cache(record.gt_digest))
        if points is None:
            raise InputError(f"the landmarks that {record.finder} found on it are gone from the workspace")
        return replace(clip, landmarks=points)

    def _degraded_notes(self, record: JobRecord) -> list[Path]:
        folder = self.workspace.splits / slug(record.split)
        return sorted(folder.glob(f"{_literal(slug(record.clip))}.*.json"))

    def _made(self, record: JobRecord) -> Clip | None:
        from vfsrbench.io.clip import Clip
        from vfsrbench.splits.degraded import read_degraded_note

        for note in self._degraded_notes(record):
            place = note.with_suffix("")
            try:
                made = read_degraded_note(note)
                if made is None or made.entry.digest != record.lq_digest or not place.is_dir():
                    continue
                with reading(place):
                    if content_digest(place) != made.files:
                        raise DamagedFile(place, "its checksum differs")
                    return Clip.open(place, record.clip, record.fps)
            except DamagedFile as error:
                self.set_aside(error)
        return None

    def may_show(self, record: JobRecord) -> bool:
        """Whether `restored` is likely to find something, without a look into files."""
        if record.cropped:
            return False
        if record.method in self.outputs:
            return self.outputs[record.method].exists()
        return restored_store.is_kept(self.workspace, _job(record))

    def may_show_degraded(self, record: JobRecord) -> bool:
        """Whether `degraded` is likely to find something."""
        place = self._places.get(record.clip)
        return place is not None and (record.split in place.lq or bool(self._degraded_notes(record)))

    def restored(self, record: JobRecord) -> Clip | None:
        """The restored clip, if the run kept it or stored outputs are still where they were; None for one of
        another size than the ground truth's."""
        if record.cropped:
            self._say(f"no frames of {record.method} are shown: they are smaller than their ground truth")
            return None
        if record.method in self.outputs:
            return self._stored(record)
        job, digest = _job(record), record.restored_digest
        return self._once(
            ("restored", record.split, record.method, record.clip, digest),
            lambda: restored_store.look_at(self.workspace, job, digest, record.fps, self.set_aside),
        )

    def _stored(self, record: JobRecord) -> Clip | None:
        from vfsrbench.datasets.dataset import dataset_of
        from vfsrbench.datasets.stored_outputs import open_outputs

        root = self.outputs[record.method]
        place = root / record.split if (root / record.split).is_dir() else root
        try:
            return open_outputs(place, dataset_of(self.dataset, [record.clip]))[record.clip]
        except (InputError, KeyError) as error:
            self._say(f"no frames of {record.method} are shown: {error}")
            return None


def _job(record: JobRecord) -> Job:
    return Job(record.method, record.split, record.clip, record.restore_key, record.key)


def _literal(name: str) -> str:
    """`name` in a glob pattern, standing for itself."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
