"""Stored outputs: restored clips in a folder, matched to a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vfsrbench.datasets.crop import crop_to, cropped
from vfsrbench.datasets.dataset import Dataset, DatasetClip, check_frames
from vfsrbench.datasets.layouts import Place, find_clips
from vfsrbench.errors import InputError, all_of
from vfsrbench.io.clip import Clip
from vfsrbench.io.names import is_called


def open_outputs(
    path: str | Path,
    truth: Dataset,
    problems: dict[str, str] | None = None,
    crop_gt: bool = False,
    alone: bool | None = None,
) -> dict[str, Clip]:
    """Stored outputs by clip name: a picture folder or a video for each clip of `truth`.

    They may lie deeper than `path`; other clips there are left alone; where a clip has both, pictures go
    before a video. If `truth` has one clip only (`alone`, unless it is said), `path` may be that clip itself.
    InputError names every clip that is missing, or whose number of frames, frame names or size differ from
    the ground truth (or, without one, from the enlarged input). With `problems` it is raised only when no
    clip is in order; the others' reasons are put there by clip name. With `crop_gt` outputs may be smaller
    and shorter than their ground truth, which the caller cuts then (`vfsrbench.datasets.crop`).
    """
    root = Path(path)
    places = find_clips(root)
    one = len(truth.names) == 1 if alone is None else alone
    itself = one and [place for _, place in places] == [root]
    outputs: dict[str, Clip] = {}
    found: dict[str, InputError] = {}
    for clip in truth.clips():
        try:
            outputs[clip.name] = _open_output(clip, truth, None if itself else places, root, crop_gt)
        except InputError as error:
            found[clip.name] = error
    if found and (problems is None or not outputs):
        raise _together(found, root)
    if problems is not None:
        problems |= {name: str(error) for name, error in found.items()}
    return outputs


def _open_output(
    clip: DatasetClip,
    truth: Dataset,
    places: Sequence[tuple[Place, Path]] | None,
    root: Path,
    crop_gt: bool,
) -> Clip:
    """A clip's output, at one of the places; without any, `root` itself."""
    target = clip.gt_or_upscaled
    found = root if places is None else _place(clip.name, places, root)
    output = Clip.open(found, clip.name, target.fps)
    if truth.frames is not None and len(output) > len(target):
        output = output.head(len(target))  # the whole clip was restored, its beginning is asked for
    if clip.cropped is not None and (output.height, output.width) == clip.cropped.whole:
        output = clip.cropped.apply(output)
    if crop_gt and clip.reference and (crop := crop_to(output, target, f"{found}: the output")) is not None:
        target = cropped(target, crop)
    side = "ground truth" if clip.reference else "input"
    check_frames(target, output, f"{found}: the output", side)
    if (output.height, output.width) != (target.height, target.width):
        size = f"{output.width}x{output.height}"
        raise InputError(f"{found}: the output of clip {clip.name!r} is {size}, {_wanted(clip, truth)}")
    return output


class _Missing(InputError):
    """There is no output for a clip."""


def _together(found: dict[str, InputError], root: Path) -> InputError:
    """One error for all clips; those without any output are listed by name."""
    missing = [name for name, error in found.items() if isinstance(error, _Missing)]
    reasons = [str(error) for name, error in found.items() if name not in missing[1:]]
    if len(missing) > 1:
        first, others = missing[0], ", ".join(map(repr, missing[1:]))
        reasons[list(found).index(first)] = (
            f"{root}: no output for clip {first!r}, nor for {others}; {first}/ or {first}.mp4 and so on were "
            "expected there"
        )
    return all_of(reasons)


def _wanted(clip: DatasetClip, dataset: Dataset) -> str:
    size = f"{clip.gt_or_upscaled.width}x{clip.gt_or_upscaled.height}"
    if clip.reference:
        return f"its ground truth is {size}; restore it at that size, or cut the ground truth with --crop-gt"
    times = "the size" if dataset.scale == 1 else f"{dataset.scale} times the size"
    return f"but {size} is asked for, {times} of its input; --scale N asks for N times"


def _place(name: str, places: Sequence[tuple[Place, Path]], root: Path) -> Path:
    found = [path for place, path in places if is_called(name, place[-1], "+".join(place))]
    pictures = [path for path in found if path.is_dir()]
    best = pictures or found
    if not best:
        raise _Missing(f"{root}: no output for clip {name!r}; {name}/ or {name}.mp4 was expected there")
    if len(best) > 1:
        raise InputError(f"{root}: clip {name!r} is there twice ({best[0]} and {best[1]}); keep one")
    return best[0]
