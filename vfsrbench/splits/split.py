"""Splits: what a clip looks like before it is restored. A recipe makes it, or the data set brings it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.digest import FrameHasher
from degradations.recipe import Recipe, load_recipe
from degradations.shipped import list_recipes
from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.datasets.layouts import REAL_SPLIT
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.io.names import slug
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.paths import is_path, unknown_name
from vfsrbench.io.safety.sealed import content_digest, read_note, reading, write_note

GIVEN = "given"
_KIND = "degraded-clip-1"
Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Split:
    """A degradation by name. `recipe` is None where the data set brings the degraded clips itself."""

    name: str
    recipe: Recipe | None = None

    @property
    def foreign(self) -> bool:
        return self.recipe is None

    @property
    def status(self) -> str:
        """`official` or `extrapolated`, as the recipe says; `given` where there is no recipe."""
        return GIVEN if self.recipe is None else self.recipe.status

    @property
    def digest(self) -> str:
        """The recipe's digest, empty where there is none."""
        return "" if self.recipe is None else self.recipe.digest()

    @property
    def scale(self) -> float | None:
        """Clean size over degraded size, None where it is drawn or not known."""
        return None if self.recipe is None else self.recipe.scale


@dataclass(frozen=True)
class LqFacts:
    """What is kept beside a degraded clip: what was drawn for it, and the digests of its frames."""

    digest: str
    digest_before_codec: str
    parameters: dict[str, Any]


def find_split(name: str, clips: Sequence[DatasetClip]) -> Split:
    """The split of that name: degraded clips of the data set, a shipped recipe, or a recipe's TOML file.

    InputError when there is none, or when only some of the clips have the degraded version. Nothing can be
    made from clips without ground truth: they are as degraded as they come.
    """
    without = [clip.name for clip in clips if name not in clip.lq]
    if clips and not without:
        return Split(name)
    if len(without) < len(clips):
        raise InputError(f"clip {without[0]!r} has no degraded version {name!r}, other clips have")
    if clips and not clips[0].reference:
        raise InputError(
            f"split {name!r} cannot be made from clips without ground truth: their split is {REAL_SPLIT!r}, "
            f"--split {REAL_SPLIT}"
        )
    if is_path(name):
        recipe = load_recipe(name)
        return Split(recipe.name, recipe)
    shipped = {facts.name for facts in list_recipes()}
    if name not in shipped:
        raise unknown_name("split", name, shipped | {version for clip in clips for version in clip.lq})
    return Split(name, load_recipe(name))


def lq_facts(split: Split, clip: str, gt_digest: str, seed: int, fps: float) -> dict[str, Any]:
    """What the frames of a split made by recipe depend on. The clip's name seeds the random draws."""
    code = module_digest("degradations.recipe")
    return {"gt": gt_digest, "recipe": split.digest, "code": code, "seed": seed, "clip": clip, "fps": fps}


def degraded_clip(
    split: Split,
    clip: DatasetClip,
    gt_digest: str,
    seed: int,
    root: Path,
    progress: Callable[[int], None] = lambda done: None,
    set_aside: SetAside = leave,
) -> tuple[Clip, LqFacts]:
    """The degraded clip, made once and kept as PNG below `root`, checked against its digest when reused.

    What is damaged is handed to `set_aside` and made again. InputError when the recipe
    cannot take the clip or the disk is full.
    """
    assert clip.gt is not None
    if split.recipe is None:
        given = clip.lq[split.name]
        return given, LqFacts(given.digest(), "", {})
    key = digest_of("lq", lq_facts(split, clip.name, gt_digest, seed, clip.gt.fps))
    folder = root / slug(split.name) / f"{slug(clip.name)}.{key[:16]}"
    note = folder.with_name(f"{folder.name}.json")
    try:
        kept = _kept(folder, note, clip.gt)
    except DamagedFile as error:
        set_aside(error)
        kept = None
    if kept is not None:
        return kept
    facts = write_degraded(split.recipe, clip.gt, seed, folder, progress, gt_digest)
    write_note(note, _KIND, {**asdict(facts), "files": content_digest(folder)})
    return Clip.open(folder, clip.name, clip.gt.fps), facts


def write_degraded(
    recipe: Recipe,
    gt: Clip,
    seed: int,
    folder: Path,
    progress: Callable[[int], None] = lambda done: None,
    planned: str = "",
) -> LqFacts:
    """Degrade a clip into a folder of PNG pictures with the ground truth's frame names; replaces what was
    there. `progress` is called with the number of frames written. InputError, and nothing written, when the
    ground truth's digest is not `planned` (if given)."""
    making = recipe.stream(_watched(gt, planned), gt.name, seed, gt.fps)

    def counted() -> Iterator[Frames]:
        for done, frame in enumerate(making, start=1):
            yield frame
            progress(done)

    write_png_folder(folder, counted(), gt.frame_names, replace=True, mend=True)
    return LqFacts(making.digest, making.digest_before_codec, making.parameters)


def degraded_facts(note: Path) -> tuple[LqFacts, str]:
    """What a split note says, and the digest of the files that it lies beside.

    DamagedFile when the note is not what was written, FileNotFoundError when there is none.
    """
    with reading(note):
        content = read_note(note, _KIND)
        facts = LqFacts(content["digest"], content["digest_before_codec"], content["parameters"])
        return facts, str(content["files"])


def _watched(gt: Clip, planned: str) -> Iterator[Frames]:
    """The frames; InputError at the end when they are not those that were planned."""
    hasher = FrameHasher(gt.height, gt.width)
    for frame in gt.frames():
        hasher.update(frame[None])
        yield frame
    if planned and hasher.hexdigest() != planned:
        raise InputError(
            f"clip {gt.name!r}: the ground truth ({gt.path}) changed while the run was going on; run again"
        )


def _kept(folder: Path, note: Path, gt: Clip) -> tuple[Clip, LqFacts] | None:
    """The clip in `folder`, None if there is none. DamagedFile when its frames are not those of the note."""
    if not note.exists() or not folder.exists():
        return None
    facts, _ = degraded_facts(note)
    with reading(folder):
        clip = Clip.open(folder, gt.name, gt.fps)
        if len(clip) != len(gt) or clip.digest() != facts.digest:
            raise DamagedFile(folder, "its frames are not those that were written")
    return clip, facts
