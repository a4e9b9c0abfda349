"""The facts of every clip of a run, and of each clip that is not in order the reason: it fails alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from degradations.manifest import Manifest
from vfsrbench.board import Board
from vfsrbench.datasets.crop import crops_of
from vfsrbench.datasets.dataset import Dataset, DatasetClip
from vfsrbench.datasets.found_landmarks import FoundBy
from vfsrbench.datasets.importing.manifest import ImportManifest
from vfsrbench.datasets.reference import GtFacts, gt_facts, gt_frames_digest
from vfsrbench.datasets.stored_outputs import open_outputs
from vfsrbench.errors import DiskError, InputError, all_of
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import DEFAULT_FPS, Clip
from vfsrbench.io.digest_cache import ClipDigests
from vfsrbench.io.raw import DecodedFrames, RawFrames
from vfsrbench.restoration.method_use import Row, StoredOutputs
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.jobs import ClipFacts, Options, Place, outputs_place
from vfsrbench.splits.fit import REFUSE, misfit_line, misfits
from vfsrbench.splits.manifest_check import Published, published_clip, read_published
from vfsrbench.splits.split import Split

T = TypeVar("T")
ProgressCallback = Callable[[str, int, int], None]
ALL: Place = ("", "")


def describe_clips(
    dataset: Dataset,
    unopened: Mapping[str, str],
    board: Board,
    uses: Mapping[str, Row],
    splits: Mapping[str, Split],
    options: Options,
    workspace: Workspace,
    finder: FoundBy,
    on_progress: ProgressCallback,
    decoded: DecodedFrames | None = None,
) -> list[ClipFacts]:
    """The facts of all clips.

    Args:
        dataset: The clips that can be opened.
        unopened: Name -> why a clip cannot be opened.
        board: The board, for its seed and alignment.
        uses: The board's methods and stored results.
        splits: The board's splits.
        options: For the manifests that splits are compared with.
        workspace: Where digests are kept.
        finder: What finds landmarks where clips are aligned and come without.
        on_progress: Called with (step, done, total).
        decoded: Keeps the frames that are decoded here.

    Returns:
        One entry a clip, those that cannot be opened at the end.

    Raises:
        InputError: No clip at all can be used, on some split or with some stored results: then it is the
            board or the data set that is not in order.
    """
    decoded = decoded or DecodedFrames(workspace.cache, 0)
    digests = ClipDigests(workspace.cache / "digests", workspace.damaged.set_aside, decoded.digest)
    describer = _Describer(board, splits, digests, finder, decoded.kept)
    describer.open_stored(uses.values(), dataset, options.crop_gt)
    describer.manifests = read_published(options.manifests, splits, board.seed)
    clips = dataset.clips()
    if board.dataset.fit == REFUSE and (misfit := misfit_line(clips, splits.values())):
        raise InputError(misfit)
    found = []
    for done, clip in enumerate(clips):
        on_progress(f"reading {clip.name}", done, len(clips))
        found.append(describer.describe(clip))
    found += [describer.unusable(name, reason) for name, reason in unopened.items()]
    _refuse_what_fails_everywhere(found)
    return found


@dataclass
class _Describer:
    """Holds what the clips of a run share. `lacking`: clip -> place -> why stored results are missing."""

    board: Board
    splits: Mapping[str, Split]
    digests: ClipDigests
    finder: FoundBy
    decoded: Mapping[str, RawFrames]
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    stored: dict[Place, dict[str, Clip]] = field(default_factory=dict)
    lacking: dict[str, dict[Place, str]] = field(default_factory=dict)
    imported: dict[Place, ImportManifest] = field(default_factory=dict)

    def open_stored(self, uses: Iterable[Row], dataset: Dataset, crop_gt: bool) -> None:
        stored = [use for use in uses if isinstance(use, StoredOutputs)]
        for use in stored:
            for split in self.splits:
                problems: dict[str, str] = {}
                place = outputs_place(use, split, len(self.splits))
                self.stored[use.id, split] = open_outputs(place, dataset, problems, crop_gt)
                made = use.manifest_of(split)
                if made is not None:
                    self.imported[use.id, split] = made
                for name, reason in problems.items():
                    self.lacking.setdefault(name, {})[use.id, split] = reason

    def describe(self, clip: DatasetClip) -> ClipFacts:
        problems = dict(self.lacking.get(clip.name, {}))

        def tried(place: Place, call: Callable[[], T], instead: Callable[[str], T]) -> T:
            try:
                return call()
            except DiskError:
                raise
            except InputError as error:
                problems.setdefault(place, str(error))
                return instead(str(error))

        def digest(place: Place, of: Clip) -> str:
            return tried(place, lambda: self.digests.of(of), _unreadable)

        target = clip.gt_or_upscaled
        gt = tried(ALL, lambda: gt_frames_digest(clip, self.digests.of), _unreadable)
        truth = tried(
            ALL,
            lambda: gt_facts(clip, gt, self.board.dataset.align, self.finder),
            lambda reason: gt_facts(clip, gt, False),
        )
        for name, split in self.splits.items():
            tried(("", name), lambda split=split: _check_size(clip, split), lambda reason: None)  # type: ignore[misc]
        published: dict[str, Published] = {}
        for name, manifest in self.manifests.items():
            published |= tried(
                ("", name),
                lambda name=name, manifest=manifest: published_clip(clip.name, gt, {name: manifest}),  # type: ignore[misc]
                lambda reason: {},
            )
        outputs = {
            place: digest(place, clips[clip.name]) if clip.name in clips else _unreadable(problems[place])
            for place, clips in self.stored.items()
        }
        for place, made in self.imported.items():
            tried(place, partial(made.check, clip.name, outputs[place], len(target)), lambda reason: None)
        cropped = "" if clip.cropped is None else str(clip.cropped)
        lq = {
            name: digest(("", name), clip.lq[name])
            for name, split in self.splits.items()
            if split.given and name in clip.lq
        }
        known = (gt, *outputs.values(), *lq.values())
        return ClipFacts(
            name=clip.name,
            frames=len(target),
            height=target.height,
            width=target.width,
            fps=target.fps,
            gt_digest=gt,
            truth=truth,
            outputs=outputs,
            lq=lq,
            published=published,
            problems=problems,
            notes=tried(ALL, lambda: _notes(clip, self.stored.values()), lambda reason: ()),
            crops=crops_of(self.stored, clip.name, target) if clip.reference else {},
            decoded={digest: self.decoded[digest] for digest in known if digest in self.decoded},
            cropped=cropped,
        )

    def unusable(self, name: str, reason: str) -> ClipFacts:
        """What is known of a clip that cannot be opened: nothing but why."""
        none = _unreadable(reason)
        return ClipFacts(
            name=name,
            frames=0,
            height=0,
            width=0,
            fps=DEFAULT_FPS,
            gt_digest=none,
            truth=GtFacts(none, 0, 0, False, "", False),
            outputs=dict.fromkeys(self.stored, none),
            lq={name: none for name, split in self.splits.items() if split.given},
            problems={ALL: reason},
        )


def _notes(clip: DatasetClip, stored: Iterable[Mapping[str, Clip]]) -> tuple[str, ...]:
    """The remarks on all files of a clip, each once, in order."""
    files = [clip.gt, *clip.lq.values(), *(clips.get(clip.name) for clips in stored)]
    return tuple(dict.fromkeys(note for file in files if file is not None for note in file.remarks))


def _unreadable(reason: str) -> str:
    """Stands where frames have no digest: the same damage gives the same key, mended frames another."""
    return digest_of("unreadable", {"why": reason})


def _check_size(clip: DatasetClip, split: Split) -> None:
    if misfits(clip, split):
        target, scale = clip.gt_or_upscaled, split.scale
        raise InputError(
            f"clip {clip.name!r} is {target.width}x{target.height}, but split {split.name!r} makes it "
            f"{scale:g} times smaller: crop its sides to multiples of {scale:g}, or --fit crop does"
        )


def _refuse_what_fails_everywhere(clips: Sequence[ClipFacts]) -> None:
    """InputError with the reasons of all clips when a problem leaves no clip at all."""
    for place in dict.fromkeys(place for clip in clips for place in clip.problems):
        reasons = [clip.problem(*place) for clip in clips]
        if all(reasons):
            raise all_of(clip.problems[place] for clip in clips if place in clip.problems)
