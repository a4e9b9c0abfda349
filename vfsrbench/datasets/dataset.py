"""Data sets: clips found by layout, ground truth and degraded versions paired by name and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from degradations.reading.limits import MOST_FRAMES, MOST_SCALE
from vfsrbench.board import DatasetUse
from vfsrbench.datasets.layouts import DEMO, REAL, Found, clips_of, find_layout
from vfsrbench.errors import DiskError, InputError, all_of, counted, did_you_mean
from vfsrbench.io.foreign_text import clean_name
from vfsrbench.io.names import frame_key
from vfsrbench.io.safety.paths import check_regular_file, is_there

if TYPE_CHECKING:  # what opens clips is imported when one is opened: listing them takes none of it
    from vfsrbench.datasets.preparing.cropping import Cropped
    from vfsrbench.io.clip import Clip
    from vfsrbench.metric import FlowField

Landmarks = NDArray[np.float64]
_MOST_NAMED = 10
"""Frames that a message names."""


@dataclass(frozen=True)
class DatasetClip:
    """One clip of a data set.

    `lq` holds degraded versions that came with it, by name (none where recipes make them). `landmarks`
    is (T, 5, 2) in pixels of the ground truth, NaN for frames that the landmarks file leaves out.
    `upscaled_lq` is there where `gt` is not: the clip itself, upscaled to the size that is asked for.
    `cropped` says how the ground truth was cropped, if it was.
    """

    name: str
    gt: Clip | None
    lq: Mapping[str, Clip] = field(default_factory=dict)
    landmarks: Landmarks | None = None
    exact_flow: FlowField | None = None
    demo: bool = False
    upscaled_lq: Clip | None = None
    cropped: Cropped | None = None

    @property
    def reference(self) -> bool:
        """Whether there is ground truth."""
        return self.gt is not None

    @property
    def gt_or_upscaled(self) -> Clip:
        """As long and as large as restored clips have to be: the ground truth, or else the upscaled clip."""
        if self.gt is not None:
            return self.gt
        if self.upscaled_lq is None:
            raise ValueError(f"clip {self.name!r} has neither a ground truth nor an upscaled clip")
        return self.upscaled_lq


@dataclass(frozen=True)
class Dataset:
    """The chosen clips of a data set, in natural order. `frames` keeps the first so many of each, `scale`
    is how many times as large restored clips are where there is no ground truth to say it. Sides of the
    ground truth that are no multiples of `multiple` are cropped to one, around the centre.

    Has a length, gives its clips one after the other, and a clip by its name.

    Example:
        >>> import vfsrbench as vb
        >>> demo = vb.Dataset.open("demo", frames=2)
        >>> [clip.name for clip in demo][:3]
        ['demo-calm', 'demo-talking', 'demo-fast']
        >>> gt = demo["demo-calm"].gt
        >>> len(gt), gt.height
        (2, 512)
    """

    name: str
    layout: str
    found: tuple[Found, ...]
    frames: int | None = None
    scale: int = 1
    multiple: int = 1

    @classmethod
    def open(
        cls,
        layout: str,
        path: str | os.PathLike[str] | None = None,
        *,
        clips: Sequence[str] = (),
        frames: int | None = None,
        scale: int | None = None,
        multiple: int = 1,
    ) -> Dataset:
        """Find the clips of a data set. Files are opened when a clip is asked for.

        Args:
            layout: How the folder is laid out; see `vfsrbench.datasets()`.
            path: Where it lies; None for `demo`.
            clips: The names of those to take. Default: all.
            frames: Keep the first so many frames of each clip.
            scale: For the layout `real` alone: how many times as large restored clips are.
            multiple: Crop ground truth around its centre to multiples of this. Default: as it is.

        Returns:
            The data set.

        Raises:
            InputError: An unknown layout or clip, a missing path, or a folder that is not laid out so.
        """
        return open_dataset(layout, None if path is None else Path(path), clips, frames, scale, multiple)

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[DatasetClip]:
        """The clips, opened one after the other; InputError names one that is not in order."""
        return (self._clip(found) for found in self.found)

    def __getitem__(self, name: str | int) -> DatasetClip:
        """The clip of that name or number, opened. InputError if there is none of that name, or it is not in
        order; IndexError for a number that is out of range."""
        found = self.found[name] if isinstance(name, int) else _chosen(self.found, [str(name)])[0]
        return self._clip(found)

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, layout={self.layout!r}, {counted(len(self), 'clip')})"

    @property
    def names(self) -> tuple[str, ...]:
        """The clips' names; nothing is opened for them."""
        return tuple(clip.name for clip in self.found)

    def clips(self) -> list[DatasetClip]:
        """The clips, opened and checked (once). InputError names the clip that is not in order."""
        return list(self._clips)

    def usable(self) -> tuple[Dataset, dict[str, str]]:
        """The data set without the clips that cannot be opened, and why each of those cannot.

        InputError with the reasons of all when there would be none left: then the data set is not in order.
        """
        problems: dict[str, str] = {}
        clips = []
        for found in self.found:
            try:
                clips.append(self._clip(found))
            except DiskError:
                raise
            except InputError as error:
                problems[found.name] = str(error)
        if problems and not clips:
            raise all_of(problems.values())
        rest = replace(self, found=tuple(f for f in self.found if f.name not in problems))
        rest.__dict__["_clips"] = tuple(clips)
        return rest, problems

    def _clip(self, found: Found) -> DatasetClip:
        if self.layout == DEMO:
            return _demo(found.name, self.frames)
        return _fitted(_open(found, self.frames, self.scale), self.multiple)

    @cached_property
    def _clips(self) -> tuple[DatasetClip, ...]:
        return tuple(self._clip(found) for found in self.found)


def dataset_of(use: DatasetUse, clips: Sequence[str] | None = None) -> Dataset:
    """A board's data set; `clips` instead of those that the board picks."""
    names = use.clips if clips is None else clips
    return open_dataset(use.layout, use.path, names, use.frames, use.scale, multiple_of(use.fit))


def multiple_of(fit: str) -> int:
    """What sides are cropped to multiples of (`DatasetUse.fit`); 1 where nothing is cropped. A bare `crop`
    says less: `splits.fit` puts the number behind it."""
    return int(fit.removeprefix("crop") or 1) if fit.startswith("crop") else 1


def dataset_name(use: DatasetUse) -> str:
    """The name under which results of a board's data set are stored; empty where its path is not known."""
    if use.path is None:
        return use.layout if use.layout == DEMO else ""
    return _name(use.layout, Path(use.path))


def _name(layout: str, root: Path) -> str:
    return clean_name(root.resolve().name) if layout in {"folder", "pairs", REAL} else layout


def open_dataset(
    layout: str,
    path: str | Path | None,
    clips: Sequence[str] = (),
    frames: int | None = None,
    scale: int | None = None,
    multiple: int = 1,
) -> Dataset:
    """The data set of that layout at `path` (the demo needs none).

    `clips` picks some by name, `frames` keeps the first so many frames of each clip, `scale` is for the
    layout `real` alone (see `Dataset`; default 1). InputError for an unknown layout or clip, a missing
    path, or a folder that is not laid out so.
    """
    if layout != DEMO:
        find_layout(layout)  # a wrong name is the first thing to be told
    if frames is not None and not 1 <= frames <= MOST_FRAMES:
        raise InputError(f"frames must be at least 1 and at most {MOST_FRAMES}, got {frames}")
    if scale is not None and layout != REAL:
        raise InputError(
            f"scale = {scale} is for clips without ground truth (layout {REAL!r}), not for layout "
            f"{layout!r}: leave it out"
        )
    if scale is not None and not 1 <= scale <= MOST_SCALE:
        raise InputError(f"scale must be at least 1 and at most {MOST_SCALE}, got {scale}")
    if layout == DEMO:
        from vfsrbench.datasets.demo.presets import DEMO_CLIPS

        return Dataset(DEMO, layout, _chosen([Found(name, None) for name in DEMO_CLIPS], clips), frames)
    if path is None:
        raise InputError(f"data set layout {layout!r} needs a path: say where the data set lies")
    root = Path(path)
    if is_there(root) and not root.is_dir():
        check_regular_file(root, "data set")
    chosen = _chosen(clips_of(layout, root), clips)
    return Dataset(_name(layout, root), layout, chosen, frames, scale or 1, multiple)


def _chosen(found: Sequence[Found], clips: Sequence[str]) -> tuple[Found, ...]:
    known = {clip.name: clip for clip in found}
    clips = [name if name in known else clean_name(name) for name in clips]
    for name in clips:
        if name not in known:
            raise did_you_mean("clip", name, known)
    return tuple(clip for clip in found if not clips or clip.name in clips)


def _demo(name: str, frames: int | None) -> DatasetClip:
    from vfsrbench.datasets.demo import clips

    gt = clips.demo_clip(name, frames or clips.DEFAULT_FRAMES)
    landmarks = clips.demo_landmarks(name, len(gt))
    return DatasetClip(name, gt, {}, landmarks, clips.DemoFlow(name), demo=True)


def _open(found: Found, frames: int | None, scale: int) -> DatasetClip:
    from vfsrbench.datasets.landmarks_file import clip_landmarks
    from vfsrbench.faces.align_clips import enlarged
    from vfsrbench.io.clip import Clip
    from vfsrbench.io.upscaled import upscaled

    clean = None if found.gt is None else Clip.open(found.gt, found.name)
    gt = None if clean is None else _first(clean, frames)
    lq = {}
    for version, path in found.lq.items():
        whole = Clip.open(path, found.name, None if gt is None else gt.fps)
        lq[version] = _first(enlarged(whole) if found.enlarge else whole, frames)
        if gt is not None:
            check_frames(gt, lq[version], f"{path}: {version}")
            _check_scale(gt, lq[version], version)
    landmarks = None
    if clean is not None and gt is not None and found.landmarks is not None:
        landmarks = clip_landmarks(found.landmarks, clean)[: len(gt)]
    upscaled_lq = None if gt is not None else upscaled(next(iter(lq.values())), scale)
    return DatasetClip(found.name, gt, lq, landmarks, upscaled_lq=upscaled_lq)


def _fitted(clip: DatasetClip, multiple: int) -> DatasetClip:
    """The clip with its ground truth cropped to a multiple, its landmarks moved along."""
    from vfsrbench.datasets.preparing.cropping import Cropped

    if clip.gt is None:
        return clip
    cut = Cropped.of(clip.gt, multiple)
    if cut is None:
        return clip
    if clip.lq:
        raise InputError(
            f"clip {clip.name!r} is {clip.gt.width}x{clip.gt.height} and comes with a degraded version, "
            f"which is not cropped along: crop both to multiples of {multiple}, or leave --fit crop out"
        )
    landmarks = None if clip.landmarks is None else clip.landmarks - (cut.left, cut.top)
    return replace(clip, gt=cut.apply(clip.gt), landmarks=landmarks, cropped=cut)


def _first(clip: Clip, frames: int | None) -> Clip:
    return clip if frames is None else clip.head(min(frames, len(clip)))


def check_frames(gt: Clip, other: Clip, what: str, side: str = "ground truth") -> None:
    """The same frames on both sides: by name where both have names, by number where one is a video."""
    if len(gt) != len(other):
        counts = f"{counted(len(other), 'frame')}, its {side} has {len(gt)}"
        raise InputError(f"{what} of clip {gt.name!r} has {counts}{_which(gt, other)}")
    if not (gt.named_frames and other.named_frames):
        return
    for wanted, got in zip(gt.frame_names, other.frame_names, strict=True):
        if frame_key(wanted) != frame_key(got):
            raise InputError(
                f"{what} of clip {gt.name!r} has a frame {got!r} where its {side} has {wanted!r}; "
                "frames are paired by name"
            )


def _which(gt: Clip, other: Clip) -> str:
    """Which frames are missing or too many, where both sides have names."""
    if not (gt.named_frames and other.named_frames):
        return ""
    mine = {frame_key(name): name for name in gt.frame_names}
    theirs = {frame_key(name): name for name in other.frame_names}
    missing = [name for key, name in mine.items() if key not in theirs]
    beside = [name for key, name in theirs.items() if key not in mine]
    parts = [f"{word} {_named(names)}" for word, names in (("missing:", missing), ("more:", beside)) if names]
    return f" ({'; '.join(parts)})" if parts else ""


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _check_scale(gt: Clip, lq: Clip, version: str) -> None:
    if gt.height % lq.height or gt.width % lq.width or gt.height * lq.width != gt.width * lq.height:
        raise InputError(
            f"clip {gt.name!r}: the ground truth's size {gt.width}x{gt.height} is no whole multiple of "
            f"{version}'s {lq.width}x{lq.height}"
        )
