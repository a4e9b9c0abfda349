"""What a task reads: the clip, its ground truth, its degraded versions, stored results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from vfsrbench.datasets.dataset import Dataset, DatasetClip, dataset_of
from vfsrbench.datasets.found_landmarks import found_landmarks
from vfsrbench.datasets.reference import gt_side, lq_side
from vfsrbench.datasets.stored_outputs import open_outputs
from vfsrbench.faces.align_clips import FindLandmarks
from vfsrbench.io.clip import Clip
from vfsrbench.io.digest_cache import ClipDigests, check_unchanged
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
    def clip(self) -> DatasetClip:
        """The clip; where it is aligned and comes without landmarks, with those that were found on it."""
        clip = self.dataset.clips()[0]
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
        line = f"{bare} frames without a face, aligned as those beside them"
        return (*self.facts.notes, line) if bare else self.facts.notes

    @cached_property
    def truth(self) -> tuple[Clip, TruthInfo]:
        facts = self.facts.truth
        return gt_side(self.clip, facts, self.workspace.truth_cache(facts.digest))

    @property
    def raw_bytes(self) -> int:
        """Size of the clip's raw frames."""
        truth, _ = self.truth
        return len(truth) * truth.height * truth.width * 3

    def stored(self, use: StoredOutputs, split: str) -> tuple[Clip, str]:
        """Stored outputs, and the digest that they were planned with."""
        place = outputs_place(use, split, len(self.setup.splits))
        return open_outputs(place, self.dataset)[self.facts.name], self.facts.outputs[use.id, split]

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
        if self.clip.gt is not None:
            check_unchanged(self._digests, self.clip.gt, self.facts.gt_digest, "the ground truth")
        for name, digest in self.facts.lq.items():
            check_unchanged(self._digests, self.clip.lq[name], digest, f"the degraded version {name!r}")

    def check_stored(self, clip: Clip, planned: str, method: str) -> None:
        """The same of stored results."""
        check_unchanged(self._digests, clip, planned, f"what {method} holds")
