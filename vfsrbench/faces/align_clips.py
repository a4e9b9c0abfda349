"""Clips of people -> clips of one aligned 512x512 face, by the rules of KEEP's command line.

Frames whose shorter side is under 512 pixels are enlarged first; the largest face of every frame counts;
frames without one are interpolated; points are smoothed over the whole clip. Frames pass through in small
batches: memory does not grow with the clip.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import DiskError, InputError
from vfsrbench.faces.face_tools import FaceFinder
from vfsrbench.faces.ffhq_align import FFHQ_SIZE, SMOOTHING_SIGMA, Alignment, align_clip_landmarks
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.io.names import check_unique, file_name
from vfsrbench.io.safety.lease import sweep_beside
from vfsrbench.io.safety.ownership import check_replaceable
from vfsrbench.io.safety.targets import (
    check_out_folder,
    check_own_file,
    own_file,
    read_places,
    refuse_overlap,
)

Frames = NDArray[np.uint8]
FindLandmarks = Callable[[Frames], NDArray[np.float64]]
"""Frames (n, H, W, 3) uint8 RGB -> five points of one face a frame, (n, 5, 2) pixels, NaN where none is."""
ProgressCallback = Callable[[str, int, int], None]
"""Called with a step's name, how many of its frames are done, and of how many."""

_BATCH, _PIXELS = 8, 1 << 22  # frames that are looked at together, and pixels


def silent(what: str, done: int, total: int) -> None:
    """A `ProgressCallback` that does nothing."""


def enlarged(clip: Clip) -> Clip:
    """The clip as the face tools look at it: upscaled (bilinear, as OpenCV does it) if its shorter side is
    under 512 pixels."""
    if min(clip.height, clip.width) >= FFHQ_SIZE:
        return clip
    factor = FFHQ_SIZE / min(clip.height, clip.width)
    size = (round(clip.height * factor), round(clip.width * factor))
    return clip.mapped(partial(_resized, factor, size), size)


def _resized(factor: float, size: tuple[int, int], frames: Frames, first: int) -> Frames:
    out = np.empty((len(frames), *size, 3), np.uint8)
    for place, frame in zip(out, frames, strict=True):
        # by the factor, not to the size: the longer side is rounded, positions are not
        place[...] = cv2.resize(frame, None, fx=factor, fy=factor)
    return out


def batches(clip: Clip) -> Iterator[tuple[int, Frames]]:
    """All frames in order, a few at a time: (number of the first, frames). Large frames come singly."""
    size = max(1, min(_BATCH, _PIXELS // (clip.height * clip.width)))
    for first in range(0, len(clip), size):
        yield first, clip.read(first, min(first + size, len(clip)))


def find_alignment(
    clip: Clip,
    find: FindLandmarks,
    sigma: float = SMOOTHING_SIGMA,
    on_progress: ProgressCallback = silent,
) -> Alignment:
    """Where the face of every frame of `clip` goes; `clip` has been through `enlarged`.

    find: of a `FaceFinder` the name is noted, and whether its weights are random. sigma: of the temporal
    Gaussian in frames, 0 = no smoothing. InputError names the clip when none of its frames has a face.
    """
    found = []
    for first, frames in batches(clip):
        on_progress(f"{clip.name}: finding faces", first, len(clip))
        found.append(find(frames))
    on_progress(f"{clip.name}: finding faces", len(clip), len(clip))
    try:
        alignment = align_clip_landmarks(np.concatenate(found), sigma, (clip.height, clip.width))
    except InputError as error:
        raise InputError(f"clip {clip.name!r}: {error}") from None
    finder = FaceFinder.of(find)
    return dataclasses.replace(alignment, untrained=bool(finder.untrained), finder=finder.name)


def aligned_frames(
    clip: Clip, alignment: Alignment, on_progress: ProgressCallback = silent, step: str = "aligning"
) -> Iterator[Frames]:
    """The clip's faces one by one, (512, 512, 3) uint8 RGB; `clip` as in `find_alignment`."""
    for first, frames in batches(clip):
        on_progress(f"{clip.name}: {step}", first, len(clip))
        yield from alignment.apply(frames, first)
    on_progress(f"{clip.name}: {step}", len(clip), len(clip))


@dataclass(frozen=True)
class AlignedFile:
    """Outcome of one clip: its folder, or why there is none. `missing`: frames without a face, which
    were interpolated. `kept`: it was there already."""

    clip: str
    path: Path | None = None
    frames: int = 0
    missing: int = 0
    kept: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()


def align_files(
    clips: Iterable[Clip],
    out: Path,
    find: FindLandmarks,
    *,
    sigma: float = SMOOTHING_SIGMA,
    replace: bool = False,
    on_progress: ProgressCallback = silent,
) -> list[AlignedFile]:
    """Write `out`/<clip>/<frame>.png, 512x512, and `out`/<clip>.alignment.json (see `Alignment.save`; its
    pixels are those of the enlarged frames).

    A clip that cannot be aligned is reported with its reason, the others go on. What an earlier call has
    finished with the same smoothing and finder is kept, unless `replace`.

    InputError when `out` cannot be written (DiskError) or overlaps the clips, when two clips would go to
    one place, or when something that we did not make is there.
    """
    clips = list(clips)
    sources = [place for clip in clips if clip.path is not None for place in read_places(clip.path)]
    check_unique(((clip.name, clip.path) for clip in clips), "clips")
    check_out_folder(out, sources)
    for clip in clips:
        folder, note = _places(out, clip)
        refuse_overlap(folder, sources)
        if replace or not _is_done(folder, note):
            check_replaceable(folder)
            check_own_file(note, out)
    sweep_beside(out)
    finder = FaceFinder.of(find)
    return [_align(clip, out, finder, sigma, replace, on_progress) for clip in clips]


def _align(
    clip: Clip,
    out: Path,
    finder: FaceFinder,
    sigma: float,
    replace: bool,
    on_progress: ProgressCallback,
) -> AlignedFile:
    folder, note = _places(out, clip)
    try:
        before = None if replace else _finished(folder, note, sigma, finder)
        if before is not None:
            missing = int((~before.found).sum())
            return AlignedFile(clip.name, folder, len(before.found), missing, kept=True, notes=clip.notes)
        source = enlarged(clip)
        alignment = find_alignment(source, finder, sigma, on_progress)
        with own_file(note, out) as temporary:
            alignment.save(temporary)
            frames = _unnoted(note, aligned_frames(source, alignment, on_progress))
            write_png_folder(folder, frames, clip.frame_names, replace=True)
    except DiskError:
        raise
    except InputError as error:
        return AlignedFile(clip.name, reason=str(error))
    missing = int((~alignment.found).sum())
    notes = (*clip.notes, *clip.lost_in_pictures)
    return AlignedFile(clip.name, folder, len(clip), missing, notes=notes)


def _unnoted(note: Path, frames: Iterator[Frames]) -> Iterator[Frames]:
    """The frames; after the last the old note goes, so that it never stands beside new frames."""
    yield from frames
    note.unlink(missing_ok=True)


def _places(out: Path, clip: Clip) -> tuple[Path, Path]:
    """A clip's folder, and its alignment."""
    return out / file_name(clip.name), out / f"{file_name(clip.name)}.alignment.json"


def _is_done(folder: Path, note: Path) -> bool:
    return folder.is_dir() and note.is_file()


def _finished(folder: Path, note: Path, sigma: float, finder: FaceFinder) -> Alignment | None:
    """The alignment that an earlier call wrote last of all. InputError if it smoothed differently, or was
    made by another finder or with weights of the other kind, random or trained."""
    if not _is_done(folder, note):
        return None
    before = Alignment.load(note)
    if before.sigma != sigma:
        raise InputError(
            f"{folder}: is there already, smoothed with sigma {before.sigma:g} instead of {sigma:g}; "
            "choose another folder, or --replace it"
        )
    if before.finder and finder.name and before.finder != finder.name:
        raise InputError(
            f"{folder}: is there already, its faces found by {before.finder} instead of {finder.name}; "
            f"choose another folder, --finder {before.finder}, or --replace it"
        )
    if before.untrained != bool(finder.untrained):
        made = "untrained" if before.untrained else "trained"
        raise InputError(f"{folder}: is there already, made with {made} weights; --replace it")
    return before
