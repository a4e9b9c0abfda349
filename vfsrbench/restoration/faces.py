"""Videos as they come: find the face, align it, restore it, paste it back, as KEEP's command line does
(jnjaby/KEEP, inference_keep.py). Works with any method that restores aligned 512x512 faces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MethodCard
from vfsrbench.errors import DiskError, InputError, JobFailure, PoisonedDevice
from vfsrbench.faces.align_clips import (
    FindLandmarks,
    ProgressCallback,
    aligned_frames,
    batches,
    enlarged,
    find_alignment,
    silent,
)
from vfsrbench.faces.face_tools import FaceFinder
from vfsrbench.faces.ffhq_align import FFHQ_SIZE, SMOOTHING_SIGMA, Alignment
from vfsrbench.io.atomic import atomic_directory
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.io.names import file_name
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.files import (
    DEVICE_LOST,
    VIDEOS,
    Form,
    check_targets,
    restored_frames,
    video_path,
    write_restored,
)
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import Restoration
from vfsrbench.restoration.sidecar import NOTE, write_note
from vfsrbench.runtime.memory import free_memory

if TYPE_CHECKING:
    import torch

Frames = NDArray[np.uint8]
MakeMasks = Callable[[Frames], NDArray[np.float32]]
"""Restored faces (n, 512, 512, 3) uint8 RGB -> masks (n, 512, 512) in [0, 1] under which they are pasted."""

CROPPED, RESTORED, FINAL, TRANSFORMS = "cropped_faces", "restored_faces", "final_results", "alignment.json"


@dataclass(frozen=True)
class FaceTools:
    """The networks around the method (see `vfsrbench.faces.face_tools`).

    Attributes:
        find: Finds the face's points; a `FaceFinder` is named in the notes.
        masks: Makes the masks under which faces are pasted. None: a square with fading borders.
        untrained: Names of the tools whose weights are random.
    """

    find: FindLandmarks
    masks: MakeMasks | None = None
    untrained: Collection[str] = ()


@dataclass(frozen=True)
class FaceOptions:
    """How faces in videos are restored.

    Attributes:
        device: Where the method runs.
        sigma: Of the Gaussian that smooths the face's points over time, in frames; 0 = no smoothing.
        upscale: How many times as large the final frames are.
        form: The full video: h264 (.mp4), video (without loss, .mkv), or png (none).
        seed: Of all that is drawn at random.
    """

    device: torch.device
    sigma: float = SMOOTHING_SIGMA
    upscale: int = 1
    form: Form = "h264"
    seed: int = 0


@dataclass(frozen=True)
class RestoredVideo:
    """Outcome of one video: its folder, or why there is none. `missing`: frames without a face, whose
    place was interpolated. `video`: the full video, if one was asked for."""

    clip: str
    path: Path | None = None
    video: Path | None = None
    frames: int = 0
    missing: int = 0
    report: Restoration | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


def needs_face_search(card: MethodCard, clip: Clip) -> bool:
    """Whether a clip looks like a video in which the method needs the face to be found: the method takes
    aligned faces, and the frames are no squares of 512, 256, 128, ... pixels."""
    aligned = clip.height == clip.width and FFHQ_SIZE % clip.height == 0
    return card.input_size is not None and card.aligned and not aligned


def restore_videos(
    use: MethodUse,
    clips: Iterable[Clip],
    out: Path,
    tools: FaceTools,
    options: FaceOptions,
    on_progress: ProgressCallback = silent,
) -> list[RestoredVideo]:
    """`restore_video` for one clip after the other, each with a note how it was made (`write_note`).

    A clip that fails is reported with its reason, the others go on. InputError when the method cannot be
    loaded, and for `out` as `restore_files` says.
    """
    clips = list(clips)
    check_targets(out, clips, "png")
    predictor = PredictorCache(options.device).need(use)
    done = []
    for clip in clips:
        write = partial(_write_note, use, clip, tools, options)
        try:
            done.append(restore_video(clip, predictor, tools, out, options, write, on_progress))
        except DiskError:
            raise
        except PoisonedDevice as failure:
            done.append(RestoredVideo(clip.name, reason=str(failure)))
            return [*done, *(RestoredVideo(left.name, reason=DEVICE_LOST) for left in clips[len(done) :])]
        except (JobFailure, InputError) as error:
            done.append(RestoredVideo(clip.name, reason=str(error)))
        free_memory()
    return done


def _write_note(
    use: MethodUse,
    clip: Clip,
    tools: FaceTools,
    options: FaceOptions,
    folder: Path,
    report: Restoration,
    notes: Iterable[str],
) -> None:
    finder = FaceFinder.of(tools.find)
    facts = {
        "clip": clip.name,
        "frames": len(clip),
        "sigma": options.sigma,
        "mask": "square" if tools.masks is None else "parse",
        "upscale": options.upscale,
        "seed": options.seed,
        "finder": finder.name,
        "finder_weights": dict(finder.weights),
        "untrained": bool(tools.untrained),
    }
    write_note(folder / NOTE, use, report, notes, **facts)


def restore_video(
    clip: Clip,
    predictor: Predictor,
    tools: FaceTools,
    out: Path,
    options: FaceOptions,
    note: Callable[[Path, Restoration, Iterable[str]], None] | None = None,
    on_progress: ProgressCallback = silent,
) -> RestoredVideo:
    """Restore the face in a video with a loaded method. Written into `out`/<clip>, which appears when all
    of it is there:

        cropped_faces/    aligned, 512x512            alignment.json   the transforms, see `Alignment`
        restored_faces/   the method's outputs
        final_results/    the frames with the restored face, `upscale` times as large
        <clip>.mp4        the same as a video (`form`: h264; `video`: without loss, .mkv; `png`: none)

    Frames whose shorter side is under 512 pixels are enlarged first, as KEEP does. note: writes into the
    folder how the clip was made. Memory does not grow with the clip. InputError when no frame has a face,
    JobFailure when the method gives no result.
    """
    scale = predictor.card.scale
    if scale not in (None, 1):
        raise InputError(
            f"method {predictor.card.name!r} enlarges by {scale}; faces can be restored in a video only by "
            f"methods that give back the {FFHQ_SIZE}x{FFHQ_SIZE} pixels they get"
        )
    source = enlarged(clip)
    names = clip.frame_names
    with atomic_directory(out / file_name(clip.name), replace=True) as folder:
        alignment = find_alignment(source, tools.find, options.sigma, on_progress)
        alignment.save(folder / TRANSFORMS)
        write_png_folder(folder / CROPPED, aligned_frames(source, alignment, on_progress), names)
        crops = Clip.open(folder / CROPPED, clip.name, clip.fps)
        progress = partial(on_progress, f"{clip.name}: restoring")
        size = (FFHQ_SIZE, FFHQ_SIZE)
        with restored_frames(predictor, crops, size, folder, options.seed, options.device, progress) as (
            faces,
            report,
        ):
            write_png_folder(folder / RESTORED, faces.frames(), names)
            pasted = _pasted(source, faces, alignment, tools.masks, options.upscale, on_progress)
            write_png_folder(folder / FINAL, pasted, names)
        notes, form = list(clip.notes), options.form
        if form in VIDEOS:
            final = Clip.open(folder / FINAL, clip.name, clip.fps)
            frames = partial(_counted, final, partial(on_progress, f"{clip.name}: writing the video"))
            notes += write_restored(video_path(folder, clip, form), frames, clip, form)
        else:
            notes += clip.lost_in_pictures
        if note is not None:
            note(folder, report, notes)
    path = out / file_name(clip.name)
    video = video_path(path, clip, form) if form in VIDEOS else None
    missing = int((~alignment.found).sum())
    return RestoredVideo(clip.name, path, video, len(clip), missing, report, notes=tuple(notes))


def _pasted(
    source: Clip,
    faces: Clip,
    alignment: Alignment,
    masks: MakeMasks | None,
    upscale: int,
    on_progress: ProgressCallback,
) -> Iterator[Frames]:
    """The frames of `source` one by one, with their faces."""
    from vfsrbench.faces.paste import paste_faces

    for first, frames in batches(source):
        on_progress(f"{source.name}: pasting", first, len(source))
        part = slice(first, first + len(frames))
        restored = faces.read(part.start, part.stop)
        mask = None if masks is None else masks(restored)
        yield from paste_faces(frames, restored, alignment.matrices[part], mask, upscale)
    on_progress(f"{source.name}: pasting", len(source), len(source))


def _counted(clip: Clip, on_progress: Callable[[int, int], None]) -> Iterator[Frames]:
    for number, frame in enumerate(clip.frames(), start=1):
        yield frame
        on_progress(number, len(clip))
