"""Outputs of another tool, taken into a folder of their own: checked, what the tool did undone, noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import MethodCard
from vfsrbench.datasets.dataset import Dataset
from vfsrbench.datasets.importing.manifest import IMPORT_FILE, ImportedClip, ImportManifest
from vfsrbench.datasets.importing.undo import Extent, Undo, check_undo, parse_all
from vfsrbench.datasets.layouts import Place, find_clips
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.io.names import file_name
from vfsrbench.io.safety.ownership import check_replaceable
from vfsrbench.io.safety.targets import check_out_folder, check_own_file, own_file, read_places

ProgressCallback = Callable[[str, int, int], None]
CLIP = "{clip}"


@dataclass(frozen=True)
class HowMade:
    """What the user says of how the outputs were made; nothing of it can be checked."""

    weights: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    steps: int | None = None
    seed: int | None = None
    gpu: str = ""


def import_outputs(
    card: MethodCard,
    folder: Path,
    dataset: Dataset,
    out: Path,
    *,
    undo: Sequence[str] = (),
    names: str = CLIP,
    how: HowMade | None = None,
    on_progress: ProgressCallback = lambda clip, done, total: None,
) -> ImportManifest:
    """Write the frames that are to be scored to `out`/<clip>/<frame>.png, and `out`/import.json.

    Nothing is written unless every clip of `dataset` is there and in order.

    Args:
        card: The method's, of kind `outputs`.
        folder: Where its tool wrote clips, as videos or folders of pictures; it is not changed.
        dataset: What was restored: the sizes and lengths that are to be scored.
        out: A new folder, or one that an earlier call made.
        undo: What the tool did (`vfsrbench.datasets.importing.undo`), of what its card lists.
        names: How the tool calls a clip, `{clip}` standing for its name: `{clip}_77`.
        how: What the manifest says of how the outputs were made.
        on_progress: Called with a clip's name, its frames that are written, and of how many.

    Returns:
        The manifest.

    Raises:
        InputError: A clip is missing, has an extent that `undo` does not explain, or lacks frames or pixels;
            or `out` holds files that we did not make.
    """
    undone = _of_the_tool(card, parse_all(undo))
    if CLIP not in names:
        raise InputError(f"--names {names!r} must hold {CLIP}, which stands for a clip's name")
    places = find_clips(folder)
    pairs = [
        (clip.name, clip.gt_or_upscaled, _open(names, clip.name, places, folder)) for clip in dataset.clips()
    ]
    for name, target, made in pairs:
        check_undo(undone, _extent(made), _extent(target), f"{made.path}: outputs of clip {name!r}")
    check_out_folder(out, [folder, *(p for _, target, _ in pairs for p in read_places(target.path))])
    for name, _, _ in pairs:
        check_replaceable(out / file_name(name))
    check_own_file(out / IMPORT_FILE, out)
    clips = {name: _write(made, target, out / file_name(name), on_progress) for name, target, made in pairs}
    said = how or HowMade()
    manifest = ImportManifest(
        method=card.name,
        title=card.title,
        licence=card.licence,
        reference=card.reference,
        parameters=card.parameters,
        undone=tuple(each.word for each in undone),
        weights=dict(said.weights),
        commit=said.commit,
        steps=said.steps,
        seed=said.seed,
        gpu=said.gpu,
        clips=clips,
    )
    with own_file(out / IMPORT_FILE, out) as temporary:
        temporary.write_text(manifest.text(), encoding="utf-8")
    return manifest


def _of_the_tool(card: MethodCard, undone: tuple[Undo, ...]) -> tuple[Undo, ...]:
    known = () if card.tool is None else card.tool.undo
    for each in undone:
        if each.word not in known:
            says = f"its card lists {', '.join(known)}" if known else "its card lists nothing to undo"
            raise InputError(
                f"--undo {each.word}: is not known of the tool of {card.name!r}, {says}; what is not exactly "
                "known is not undone"
            )
    return undone


def _open(names: str, clip: str, places: Sequence[tuple[Place, Path]], folder: Path) -> Clip:
    wanted = names.replace(CLIP, clip)
    found = [path for place, path in places if wanted in (place[-1], "+".join(place))]
    pictures = [path for path in found if path.is_dir()]
    best = pictures or found
    if not best:
        raise InputError(
            f"{folder}: no output for clip {clip!r}; {wanted}/ or {wanted}.mp4 was expected there"
        )
    if len(best) > 1:
        raise InputError(f"{folder}: clip {clip!r} is there twice ({best[0]} and {best[1]}); keep one")
    return Clip.open(best[0], clip)


def _extent(clip: Clip) -> Extent:
    return Extent(len(clip), clip.height, clip.width)


def _write(made: Clip, target: Clip, place: Path, on_progress: ProgressCallback) -> ImportedClip:
    height, width = target.height, target.width

    def cut(frames: NDArray[np.uint8], first: int) -> NDArray[np.uint8]:
        return np.ascontiguousarray(frames[:, :height, :width])

    kept = made.head(len(target)).mapped(cut, (height, width))

    def frames() -> Iterator[NDArray[np.uint8]]:
        for number, frame in enumerate(kept.frames()):
            on_progress(made.name, number, len(target))
            yield frame

    write_png_folder(place, frames(), target.frame_names, replace=True)
    written = Clip.open(place, made.name)
    return ImportedClip(
        frames=len(written),
        digest=written.digest(),
        made=str(_extent(made)),
        source=Path(str(made.path)).name,
    )
