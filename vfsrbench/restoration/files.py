"""A method over clips on disk, without ground truth or scores: frames in, frames out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MethodCard
from vfsrbench.datasets.layouts import find_clips
from vfsrbench.errors import DiskError, InputError, JobFailure, PoisonedDevice
from vfsrbench.io.atomic import atomic_directory
from vfsrbench.io.clip import Clip, write_video
from vfsrbench.io.names import check_unique, file_name
from vfsrbench.io.raw import RawWriter
from vfsrbench.io.safety.lease import sweep_beside, temporary_for
from vfsrbench.io.safety.ownership import check_replaceable
from vfsrbench.io.safety.paths import check_pixels
from vfsrbench.io.safety.targets import (
    check_out_folder,
    check_own_file,
    own_file,
    read_places,
    refuse_overlap,
)
from vfsrbench.io.video.sound import SoundError, takes_sound
from vfsrbench.io.video.writer import Codec
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.pipeline.both import overlapped
from vfsrbench.restoration.pipeline.pictures import PngSink
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import Restoration, Sink, restore_clip
from vfsrbench.restoration.sidecar import NOTE, write_note
from vfsrbench.runtime.device import choose_device
from vfsrbench.runtime.memory import free_memory
from vfsrbench.weights.resolve import resolve_weights
from vfsrbench.wrapped.predictor import CommandPlaces

if TYPE_CHECKING:
    import torch

Form = Literal["png", "video", "h264"]
VIDEOS: dict[Form, tuple[str, Codec]] = {"video": (".mkv", "ffv1"), "h264": (".mp4", "h264")}
"""Suffix and codec: without loss, and to look at."""
_HOLDS_MOST = ".mkv"
DEFAULT_SCALE = 4
DEVICE_LOST = "not tried: an earlier clip made the GPU unusable for this process"
Frames = NDArray[np.uint8]
ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RestoreOptions:
    """How clips are restored into files.

    Attributes:
        form: What is written, see `Form` and `VIDEOS`.
        scale: How many times as large restored frames are. Default: see `output_size`.
        seed: Of all that is drawn at random.
        device: Where the method runs. Default: a GPU if there is one.
    """

    form: Form = "png"
    scale: int | None = None
    seed: int = 0
    device: torch.device | None = None


@dataclass(frozen=True)
class RestoredFile:
    """Outcome of one clip: where its frames are, or why there are none."""

    clip: str
    path: Path | None = None
    reason: str = ""
    report: Restoration | None = None
    frames: int = 0
    notes: tuple[str, ...] = ()


def open_clips(path: Path, most: int | None = None) -> tuple[list[Clip], list[RestoredFile]]:
    """The clips at a path, one picture folder or video, or all below a folder; and those that cannot be read.

    most: their first frames alone. InputError if none can be read, or two have names that a disk may not
    tell apart.
    """
    found = [("+".join(names), place) for names, place in find_clips(path)]
    check_unique(found, "clips", path)
    clips, unreadable = [], []
    for name, place in found:
        try:
            clip = Clip.open(place, name)
            clips.append(clip if most is None else clip.head(min(most, len(clip))))
        except InputError as error:
            if len(found) == 1:
                raise
            unreadable.append(RestoredFile(name, reason=str(error)))
    if not clips:
        others = f" (and {len(unreadable) - 1} others)" if len(unreadable) > 1 else ""
        raise InputError(f"{path}: no clip can be read: {unreadable[0].reason}{others}")
    return clips, unreadable


def usable_method(spec: str | Predictor) -> MethodUse:
    """A method that restores degraded clips, with its weights. InputError if it cannot be used."""
    method = choose_method(spec)
    if method.card.source == "gt":
        raise InputError(
            f"method {method.id!r} is fed the ground truth (a reference row); it restores nothing"
        )
    weights = resolve_weights(method.card.weights_for(dict(method.options)))
    if weights.missing:
        raise InputError(f"method {method.id!r}: {weights.missing}")
    return MethodUse(method, weights)


def output_size(card: MethodCard, clip: Clip, scale: int | None) -> tuple[int, int]:
    """Height and width of what is asked for: `scale` times the input; without it the card's scale, the
    size that its network works at, or four times the input; the input's own for what is given the ground
    truth. InputError if the card knows another scale."""
    if card.source == "gt":
        return clip.height, clip.width
    if scale is not None and card.scale is not None and scale != card.scale:
        raise InputError(f"method {card.name!r} enlarges by {card.scale}, --scale {scale} cannot be had")
    factor = scale or card.scale
    if factor is None and card.input_size is not None:
        width, height = card.input_size
        return height, width
    factor = factor or DEFAULT_SCALE
    check_pixels(f"clip {clip.name!r}, enlarged by {factor}", clip.width * factor, clip.height * factor)
    return clip.height * factor, clip.width * factor


def restore_files(
    use: MethodUse,
    clips: Iterable[Clip],
    out: Path,
    options: RestoreOptions | None = None,
    on_progress: ProgressCallback = lambda what, done, total: None,
) -> list[RestoredFile]:
    """Restore clips one after the other into `out`/<clip>, as pictures or as a video (see `VIDEOS`), each
    with a note how it was made in `out`/<clip>.restoration.json (see `restoration.sidecar`).

    A clip that fails, or has a frame that cannot be read, is reported with its reason, the others go on.
    `on_progress` is called with (clip, frames done, of how many). InputError when the method cannot be
    loaded or does not give this scale, when `out` cannot be written (DiskError) or overlaps the clips, when
    two clips would go to one place, or when something that we did not make is there.
    """
    clips = list(clips)
    options = options or RestoreOptions()
    check_targets(out, clips, options.form)
    chosen = choose_device(options.device)
    predictors = PredictorCache(chosen, places=CommandPlaces(out / "logs"))
    card = predictors.need(use).card
    for clip in clips:
        output_size(card, clip, options.scale)
    done = []
    for clip in clips:
        try:
            done.append(_restore(predictors, use, clip, out, options, on_progress))
        except DiskError:
            raise
        except PoisonedDevice as failure:
            done.append(RestoredFile(clip.name, reason=str(failure)))
            return [*done, *(RestoredFile(left.name, reason=DEVICE_LOST) for left in clips[len(done) :])]
        except (JobFailure, InputError) as error:
            done.append(RestoredFile(clip.name, reason=str(error)))
        free_memory()
    return done


def _restore(
    predictors: PredictorCache,
    use: MethodUse,
    clip: Clip,
    out: Path,
    options: RestoreOptions,
    on_progress: ProgressCallback,
) -> RestoredFile:
    predictor, form = predictors.get(use), options.form
    size = output_size(predictor.card, clip, options.scale)
    progress = partial(on_progress, clip.name)
    path, seed, device = _result(out, clip, form), options.seed, predictors.device
    if form == "png":
        with atomic_directory(path, replace=True) as folder:
            sink = PngSink(folder, clip.frame_names)
            report = _restore_into(sink, predictor, clip, size, seed, device, progress)
        notes = clip.lost_in_pictures
    else:
        with restored_frames(predictor, clip, size, out, seed, device, progress) as made:
            restored, report = made
            with own_file(path, out) as temporary:
                notes = write_restored(temporary, restored.frames, clip, form)
    with own_file(_sidecar(out, clip.name), out) as temporary:
        notes = [*clip.notes, *notes]
        write_note(temporary, use, report, notes, clip=clip.name, frames=len(clip), seed=options.seed)
    return RestoredFile(clip.name, path, "", report, len(clip), tuple(notes))


def write_restored(path: Path, frames: Callable[[], Iterable[Frames]], clip: Clip, form: Form) -> list[str]:
    """Write restored frames as a video, with the frame times, the pixel shape and the sound of the clip that
    they were made from; what could not be kept, or is kept elsewhere, is returned as notes."""
    codec, film = VIDEOS[form][1], clip.film
    if film is None:
        write_video(path, frames(), clip.fps, codec)
        return []
    sound = ", ".join(film.sound)
    notes = [f"not kept: {', '.join(film.beside)}"] if film.beside else []
    if path.suffix != VIDEOS[form][0]:
        notes.append(f"goes into {path.suffix}, as {VIDEOS[form][0]} files cannot hold its sound ({sound})")
    if takes_sound(path.suffix, film.path):
        try:
            write_video(path, frames(), clip.fps, codec, film)
            return notes
        except SoundError as error:
            reason = str(error)
    else:
        reason = f"no file written here can hold its sound ({sound})"
    write_video(path, frames(), clip.fps, codec, film.silent())
    return [*notes, f"not kept: sound; {reason}"]


def check_targets(out: Path, clips: Sequence[Clip], form: Form) -> None:
    """Do nothing but clear up after killed processes if `restore_files` may write the results of these clips.
    InputError as it says there."""
    sources = [place for clip in clips if clip.path is not None for place in read_places(clip.path)]
    check_unique(((clip.name, clip.path) for clip in clips), "clips")
    check_out_folder(out, sources)
    for clip in clips:
        result, sidecar = _result(out, clip, form), _sidecar(out, clip.name)
        refuse_overlap(result, sources)
        if form == "png":
            check_replaceable(result)
        else:
            check_own_file(result, out)
        check_own_file(sidecar, out)
    sweep_beside(out)


def _result(out: Path, clip: Clip, form: Form) -> Path:
    return out / file_name(clip.name) if form == "png" else video_path(out, clip, form)


def _sidecar(out: Path, name: str) -> Path:
    return out / f"{file_name(name)}.{NOTE}"


def video_path(out: Path, clip: Clip, form: Form) -> Path:
    """Where a clip's video goes: Matroska, where the usual container cannot hold its sound."""
    suffix = VIDEOS[form][0]
    path = clip.path
    if suffix != _HOLDS_MOST and path is not None and path.is_file():
        suffix = suffix if takes_sound(suffix, path) or not takes_sound(_HOLDS_MOST, path) else _HOLDS_MOST
    return out / f"{file_name(clip.name)}{suffix}"


def _restore_into(
    sink: Sink,
    predictor: Predictor,
    clip: Clip,
    size: tuple[int, int],
    seed: int,
    device: torch.device,
    on_progress: Callable[[int, int], None],
) -> Restoration:
    """Restore the clip to `size` (height, width) into a sink, which is written while the method works."""
    info = ClipInfo(clip.name, len(clip), clip.fps, clip.height, clip.width, *size)
    with overlapped(clip, sink, predictor.card, info, device) as (reading, writing):
        return restore_clip(
            predictor,
            reading,
            info,
            writing,
            seed=seed,
            device=device,
            on_progress=lambda done: on_progress(done, len(clip)),
        )


@contextmanager
def restored_frames(
    predictor: Predictor,
    clip: Clip,
    size: tuple[int, int],
    out: Path,
    seed: int,
    device: torch.device,
    on_progress: Callable[[int, int], None],
) -> Iterator[tuple[Clip, Restoration]]:
    """The clip restored to `size` (height, width), its frames in a hidden file below `out` that is gone
    after the block; and how it went. JobFailure when the method gives no result."""
    scratch = temporary_for(out / "frames")
    try:
        with RawWriter(scratch / "frames.raw", *size) as sink:
            report = _restore_into(sink, predictor, clip, size, seed, device, on_progress)
            raw = sink.done(clip.frame_names if clip.named_frames else None)
        yield Clip(raw, clip.name, clip.fps), report
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
