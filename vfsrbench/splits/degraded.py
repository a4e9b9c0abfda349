"""One clip through one recipe: a folder of PNG frames, and a sealed note of what they are.

`vfsrbench degrade` and runs make degraded clips here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.digest import FrameHasher
from degradations.manifest import ClipEntry, clip_entry
from degradations.recipe import Recipe
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.sealed import content_digest, read_note, reading, write_note
from vfsrbench.io.safety.targets import own_file

_KIND, _EARLIER = "degraded-clip-2", ("degraded-clip-1", "split-clip-1")
Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Degradation:
    """What decides the frames of a degraded clip. The ground truth's name seeds the random draws.

    `gt_digest` is the digest of the ground truth's frames as they were looked at before.
    """

    recipe: Recipe
    gt: Clip
    gt_digest: str
    seed: int

    def makes(self, note: DegradedNote) -> bool:
        """Whether it makes the frames of that note."""
        return (note.recipe, note.seed, note.entry.truth_digest, note.entry.fps) == (
            self.recipe.digest(),
            self.seed,
            self.gt_digest,
            self.gt.fps,
        )


@dataclass(frozen=True)
class DegradedNote:
    """What a note says: the recipe's digest, the seed, the clip's entry as manifests have it, and the digest
    of the picture files."""

    recipe: str
    seed: int
    entry: ClipEntry
    files: str


@dataclass(frozen=True)
class DegradedPlace:
    """Where a degraded clip lies. `owner`: the folder whose list of our files has the note; None where all
    that is there is ours (a workspace)."""

    folder: Path
    note: Path
    owner: Path | None = None

    def read(self) -> DegradedNote | None:
        """The note; None if there is none that is read today. DamagedFile when it is not what was written."""
        return read_degraded_note(self.note)

    def write(self, recipe: str, seed: int, entry: ClipEntry) -> None:
        """Write the note of the frames that lie in the folder."""
        content = {
            "recipe": recipe,
            "seed": seed,
            "entry": entry.model_dump(mode="json"),
            "files": content_digest(self.folder),
        }
        if self.owner is None:
            write_note(self.note, _KIND, content)
            return
        with own_file(self.note, self.owner, mend=True) as temporary:
            write_note(temporary, _KIND, content)


def read_degraded_note(path: Path) -> DegradedNote | None:
    """A degraded clip's note; None if there is none, or one of an earlier form.

    DamagedFile when it is not what was written.
    """
    try:
        with reading(path):
            content = read_note(path, _KIND, _EARLIER)
            entry = ClipEntry.model_validate(content["entry"])
            return DegradedNote(content["recipe"], content["seed"], entry, content["files"])
    except FileNotFoundError:
        return None


def degrade_once(
    what: Degradation,
    place: DegradedPlace,
    on_progress: Callable[[int], None] = lambda done: None,
    set_aside: SetAside = leave,
    force: bool = False,
) -> ClipEntry:
    """The entry of a degraded clip, made unless it lies there already, whole and made alike.

    Args:
        what: The recipe, the clip and the seed.
        place: Where it lies, or will.
        on_progress: Called with the number of frames written.
        set_aside: Called with what is damaged before that is made again.
        force: Make it again in any case.

    Raises:
        InputError: The recipe cannot take the clip, the ground truth is not the one of `gt_digest` any more,
            or the disk is full.
    """
    try:
        known = None if force else _kept(what, place)
    except DamagedFile as error:
        set_aside(error)
        known = None
    if known is not None:
        return known
    entry = degrade_clip(what, place.folder, on_progress)
    place.write(what.recipe.digest(), what.seed, entry)
    return entry


def degrade_clip(
    what: Degradation, folder: Path, on_progress: Callable[[int], None] = lambda done: None
) -> ClipEntry:
    """Degrade a clip into a folder of PNG pictures with the ground truth's frame names; replaces what was
    there. InputError, and nothing written, when the ground truth is not the one of `what.gt_digest`."""
    gt = what.gt
    making = what.recipe.stream(_watched(gt, what.gt_digest), gt.name, what.seed, gt.fps)
    size = (0, 0)

    def counted() -> Iterator[Frames]:
        nonlocal size
        for done, frame in enumerate(making, start=1):
            size = (frame.shape[0], frame.shape[1])
            yield frame
            on_progress(done)

    write_png_folder(folder, counted(), gt.frame_names, replace=True, mend=True)
    facts: dict[str, Any] = {"truth_size": (gt.height, gt.width), "truth_digest": what.gt_digest}
    return clip_entry(making, frames=len(gt), size=size, fps=gt.fps, **facts)


def adopt(place: DegradedPlace, recipe: Recipe, seed: int, entry: ClipEntry) -> bool:
    """Write the note of frames that a manifest's entry describes; whether they are those that it says.

    For folders that were made when notes had another form, or lost theirs.
    """
    try:
        with reading(place.folder):
            whole = Clip.open(place.folder, fps=entry.fps).digest() == entry.digest
    except (DamagedFile, FileNotFoundError, InputError):
        return False
    if whole:
        place.write(recipe.digest(), seed, entry)
    return whole


def _watched(gt: Clip, planned: str) -> Iterator[Frames]:
    """The frames; InputError at the end when they are not those that were planned."""
    hasher = FrameHasher(gt.height, gt.width)
    for frame in gt.frames():
        hasher.update(frame[None])
        yield frame
    if hasher.hexdigest() != planned:
        raise InputError(
            f"clip {gt.name!r}: the ground truth ({gt.path}) changed while the run was going on; run again"
        )


def _kept(what: Degradation, place: DegradedPlace) -> ClipEntry | None:
    """The entry of the frames that lie there; None if there are none or others are asked for. DamagedFile
    when they are not those of their note."""
    note = place.read()
    if note is None or not place.folder.exists() or not what.makes(note):
        return None
    with reading(place.folder):
        clip = Clip.open(place.folder, what.gt.name, what.gt.fps)
        if len(clip) != note.entry.frames or clip.digest() != note.entry.digest:
            raise DamagedFile(place.folder, "its frames are not those that were written")
    return note.entry
