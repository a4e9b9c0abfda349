"""What a task reads: the clip, its ground truth, its degraded versions, stored results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from vfsrbench.datasets.crop import Crop, cropped_truth
from vfsrbench.datasets.dataset import Dataset, DatasetClip, dataset_of
from vfsrbench.datasets.found_landmarks import found_landmarks
from vfsrbench.datasets.reference import gt_side, lq_side
from vfsrbench.datasets.stored_outputs import open_outputs
from vfsrbench.errors import counted
from vfsrbench.faces.align_clips import FindLandmarks
from vfsrbench.io.clip import Clip
from vfsrbench.io.digest_cache import ClipDigests, check_unchanged
from vfsrbench.io.upscaled import upscaled
from vfsrbench.metric import TruthInfo
from vfsrbench.restoration.method_use import StoredOutputs
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import ClipFacts, Setup, outputs_place
from vfsrbench.splits.manifest_check import compare
from vfsrbench.splits.split import LqFacts, degraded_clip

Counter = Callable[[str, int], Callable[[int], None]]


class ClipInputs:
    """One clip's inputs, opened or made when they are first asked for.

    `made` has the degraded versions that were asked for, `differing` what is not canonical about them.
    """

    def __init__(
        self,
        setup: Setup,
        workspace: Workspace,
        facts: ClipFacts,
        load_finder: Callable[[], FindLandmarks],
        counter: Counter,
    ) -> None:
        """`load_finder` loads what finds faces; `counter`: given a step and its number of frames, what to
        call with the frames done."""
        self.setup, self.workspace, self.facts = setup, workspace, facts
        self._load_finder, self._counter = load_finder, counter
        self.made: dict[str, tuple[Clip, LqFacts]] = {}
        self.differing: dict[str, str] = {}
        self._digests = ClipDigests(workspace.cache / "digests", workspace.damaged.set_aside)

    @cached_property
    def dataset(self) -> Dataset:
        return dataset_of(self.setup.board.dataset, [self.facts.name])

    @cached_property
    def given(self) -> DatasetClip:
        """The clip as its files hold it."""
        return self.dataset.clips()[0]

    @cached_property
    def clip(self) -> DatasetClip:
        """The clip, read from frames that were decoded when the run was planned, where they are there; where
        it is aligned and comes without landmarks, with those that were found on it."""
        clip = self._of_decoded(self.given)
        if self.facts.truth.found_by is None:
            return clip
        # another worker may have a part of this clip's jobs
        with self.workspace.lock(f"{self.facts.name}.landmarks"):
            progress = self._counter("finding faces", self.facts.frames)
            cache = self.workspace.truth_cache(self.facts.truth.digest)
            points = found_landmarks(clip.gt_or_upscaled, cache, self._load_finder, progress)
        return replace(clip, landmarks=points)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the clip: what its facts say, and how many frames show no face."""
        if self.facts.truth.found_by is None or self.clip.landmarks is None:
            return self.facts.notes
        bare = int(np.isnan(self.clip.landmarks).any(axis=(1, 2)).sum())
        line = f"{counted(bare, 'frame')} without a face, aligned as those beside them"
        return (*self.facts.notes, line) if bare else self.facts.notes

    @cached_property
    def truth(self) -> tuple[Clip, TruthInfo]:
        facts = self.facts.truth
        return gt_side(self.clip, facts, self.workspace.truth_cache(facts.digest))

    def truth_of(self, crop: Crop | None) -> tuple[Clip, TruthInfo]:
        """The ground truth, or the part of it that smaller outputs are compared with."""
        if crop is None:
            return self.truth
        truth, info = self.truth
        return cropped_truth(truth, info, crop, self.workspace.truth_cache(crop.digest(info.digest)))

    @property
    def raw_bytes(self) -> int:
        """Size of the clip's raw frames."""
        truth, _ = self.truth
        return len(truth) * truth.height * truth.width * 3

    def stored(self, use: StoredOutputs, split: str) -> tuple[Clip, str]:
        """Stored outputs, and the digest that they were planned with."""
        digest = self.facts.outputs[use.id, split]
        return self._decoded(self._outputs(use, split), digest), digest

    def _outputs(self, use: StoredOutputs, split: str) -> Clip:
        place = outputs_place(use, split, len(self.setup.splits))
        return open_outputs(place, self.dataset, crop_gt=self.setup.options.crop_gt)[self.facts.name]

    def _of_decoded(self, clip: DatasetClip) -> DatasetClip:
        facts = self.facts
        lq = {name: self._decoded(given, facts.lq.get(name, "")) for name, given in clip.lq.items()}
        if clip.gt is not None:
            return replace(clip, gt=self._decoded(clip.gt, facts.gt_digest), lq=lq)
        given = next(iter(lq.values()))
        return replace(clip, lq=lq, upscaled_lq=upscaled(given, facts.height // given.height))

    def _decoded(self, clip: Clip, digest: str) -> Clip:
        """The clip with the frames that were decoded for its digest, if they are there; else as it is."""
        raw = self.facts.decoded.get(digest)
        if raw is None or not raw.path.is_file():
            return clip
        return Clip(raw, clip.name, clip.fps, clip.path)

    def degraded(self, name: str, counter: Counter) -> Clip:
        """A split's clip as methods get it, made when it is first asked for.

        Args:
            name: The split.
            counter: As the class has it.

        Raises:
            JobFailure: It differs from the split's manifest before the codec.
            InputError: It cannot be made or read.
        """
        if name not in self.made:
            split, facts = self.setup.splits[name], self.facts
            if split.given:
                self.made[name] = self.clip.lq[name], LqFacts(facts.lq[name], "", {})
            else:
                # another worker may need the split for other jobs on this clip
                with self.workspace.lock(f"{facts.name}.{name}"):
                    self.made[name] = degraded_clip(
                        split,
                        self.clip,
                        facts.gt_digest,
                        self.setup.board.seed,
                        self.workspace.splits,
                        counter(f"degrading {name}", facts.frames),
                        self.workspace.damaged.set_aside,
                    )
        self.compare(name, self.made[name][1])
        return lq_side(self.clip, self.facts.truth, self.made[name][0])

    def compare(self, split: str, made: LqFacts) -> None:
        """Hold degraded frames against their manifest. JobFailure if they differ before the codec."""
        problem = compare(split, self.facts.published.get(split), made)
        if problem:
            self.differing[split] = problem

    def check_unchanged(self) -> None:
        """InputError when the files of the clip are not those any more that the run was planned with."""
        given = self.given
        if given.gt is not None:
            check_unchanged(self._digests, given.gt, self.facts.gt_digest, "the ground truth")
        for name, digest in self.facts.lq.items():
            check_unchanged(self._digests, given.lq[name], digest, f"the degraded version {name!r}")

    def check_stored(self, use: StoredOutputs, split: str) -> None:
        """The same of stored results."""
        planned = self.facts.outputs[use.id, split]
        check_unchanged(self._digests, self._outputs(use, split), planned, f"what {use.id} holds")
