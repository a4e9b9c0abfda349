"""The words of a run: what a method's row is, a clip's facts, a job and its keys, a worker's task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vfsrbench.board import Board, Restriction
from vfsrbench.datasets.crop import Crop
from vfsrbench.datasets.reference import GtFacts
from vfsrbench.errors import InputError
from vfsrbench.faces.finding.choice import Finder
from vfsrbench.io.raw import RawFrames
from vfsrbench.restoration.method_use import MethodUse, Row, StoredOutputs
from vfsrbench.results.job import Job, Keep
from vfsrbench.runtime.precision import Profile
from vfsrbench.splits.manifest_check import Published
from vfsrbench.splits.split import Split

Place = tuple[str, str]
"""(method, split); an empty name stands for all."""


@dataclass(frozen=True)
class Options:
    """How a run is done, apart from what the board says.

    `outputs`: stored results by method name. `manifests`: published manifests that the splits they
    describe are compared with. `smaller_windows`: where memory runs out, methods whose result depends on the
    window may take a smaller one, which is another protocol. `crop_gt`: where stored results are smaller or
    shorter than their ground truth, that is cut to them.
    """

    keep: Keep = "none"
    force: bool = False
    retry_failed: bool = False
    outputs: Mapping[str, Path] = field(default_factory=dict)
    manifests: tuple[Path, ...] = ()
    profile: Profile = "strict"
    smaller_windows: bool = False
    crop_gt: bool = False


@dataclass(frozen=True)
class ClipFacts:
    """A clip without its frames. `outputs`: (method, split) -> digest of stored frames; `lq`: split ->
    digest of the degraded frames that came with the data set; `published`: split -> what its frames
    should be."""

    name: str
    frames: int
    height: int
    width: int
    fps: float
    gt_digest: str
    truth: GtFacts
    outputs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    lq: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, Published] = field(default_factory=dict)
    problems: Mapping[Place, str] = field(default_factory=dict)
    """Where -> why jobs on this clip cannot be done."""
    notes: tuple[str, ...] = ()
    """What a user should know of how the clip's files are read."""
    decoded: Mapping[str, RawFrames] = field(default_factory=dict)
    """Digest -> frames that were decoded when the run was planned, and need not be again."""
    crops: Mapping[Place, Crop] = field(default_factory=dict)
    """(method, split) -> what of the ground truth is compared with stored results that are smaller."""
    cropped: str = ""
    """How the ground truth was cropped (`crop4`: to multiples of 4), if it was."""

    @property
    def bare(self) -> bool:
        """Whether the clip comes without landmarks."""
        return bool(self.truth.finder) or not self.truth.landmarks

    def problem(self, method: str, split: str) -> str:
        """Why this job cannot be done; empty if nothing speaks against it."""
        places = (("", ""), ("", split), (method, split))
        return next((self.problems[place] for place in places if place in self.problems), "")


@dataclass(frozen=True)
class Setup:
    """All that a worker needs apart from its tasks. It is pickled.

    `metric_versions` and `metric_keys` are by metric id, sources of derived metrics included; `sources`
    has those, by the derived metric. `finder` finds faces on ground truth without landmarks. `run` is this
    run's identity: results that carry it were made by it.
    `restricted` has the methods that the board does not run on everything, `beside` the reference rows that
    it does not name, with their metrics: those that frames unlike the truth can score well in.
    """

    board: Board
    dataset: str
    workspace: Path
    options: Options
    methods: Mapping[str, Row]
    splits: Mapping[str, Split]
    metric_versions: Mapping[str, int]
    metric_keys: Mapping[str, str]
    sources: Mapping[str, str]
    finder: Finder
    run: str
    restricted: Mapping[str, Restriction] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def metrics_of(self, method: str) -> tuple[str, ...]:
        """The metrics that a method is scored by, sources of derived ones first."""
        return self.beside.get(method) or tuple(self.metric_keys)

    def runs(self, method: str, split: str, clip: str) -> bool:
        """Whether the board has this job."""
        return method not in self.restricted or self.restricted[method].allows(split, clip)

    def is_stored(self, job: Job) -> bool:
        """Whether the job's restored clip is there already, made by somebody else."""
        return isinstance(self.methods[job.method], StoredOutputs)

    def from_gt(self, job: Job) -> bool:
        """Whether the job's method is given the ground truth."""
        use = self.methods[job.method]
        return isinstance(use, MethodUse) and use.from_gt


@dataclass(frozen=True)
class Share:
    """Frames of a clip that one of several tasks with the same jobs scores: `number` of `count` shares.

    Share 0 ends the jobs. The others hand in what they have in `folder`.
    """

    number: int = 0
    count: int = 1
    folder: Path = Path()

    def frames(self, total: int, step: int) -> range:
        """The share of a clip of `total` frames, in whole windows of `step` frames."""
        windows = -(-total // step)
        first, last = (windows * n // self.count * step for n in (self.number, self.number + 1))
        return range(first, min(last, total))

    def others(self) -> list[Share]:
        """The shares after this one."""
        return [replace(self, number=number) for number in range(self.number + 1, self.count)]


@dataclass(frozen=True)
class Task:
    """One clip with its open jobs, or a part of them: what a worker does in one go.

    `share` says which of its frames, where nothing is restored and workers would be idle. `left_out` has
    metrics that are not tried again, as they left the GPU unusable, with what they said. `step`: restoring
    and scoring may be tasks of their own; restored clips lie in the folder `handed` between them. `halved`:
    how often processes died as memory ran out, so that windows are smaller from the start.
    """

    clip: ClipFacts
    jobs: tuple[Job, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    share: Share = Share()
    step: Literal["all", "restore", "score"] = "all"
    handed: Path = Path()
    halved: int = 0


def outputs_place(use: StoredOutputs, split: str, splits: int) -> Path:
    """Where stored results of a split lie: in a folder of its name, or right there if it is alone."""
    if (use.path / split).is_dir():
        return use.path / split
    if splits > 1:
        raise InputError(
            f"outputs {use.id}: {use.path} has no folder {split!r}; the board has {splits} splits: "
            "put the clips into one folder a split, or choose one with --split"
        )
    return use.path
