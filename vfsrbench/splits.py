"""Splits: what a clip looks like before it is restored. A recipe makes it, or the data set brings it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degradations.recipe import Recipe, load_recipe
from degradations.shelf import list_recipes
from vfsrbench.clip import Clip, write_png_folder
from vfsrbench.dataset import DatasetClip
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.files import whole_file
from vfsrbench.keys import digest_of
from vfsrbench.layouts import REAL_SPLIT
from vfsrbench.store import slug

GIVEN = "given"
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
    if name.endswith(".toml") or "/" in name:
        recipe = load_recipe(name)
        return Split(recipe.name, recipe)
    shipped = {facts.name for facts in list_recipes()}
    if name not in shipped:
        raise did_you_mean("split", name, shipped | {version for clip in clips for version in clip.lq})
    return Split(name, load_recipe(name))


def lq_facts(split: Split, clip: str, gt_digest: str, seed: int, fps: float) -> dict[str, Any]:
    """What the frames of a split made by recipe depend on. The clip's name seeds the random draws."""
    return {"gt": gt_digest, "recipe": split.digest, "seed": seed, "clip": clip, "fps": fps}


def degraded_clip(
    split: Split,
    clip: DatasetClip,
    gt_digest: str,
    seed: int,
    root: Path,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Clip, LqFacts]:
    """The degraded clip, made once and kept as PNG below `root`, checked against its digest when reused.

    InputError when the recipe cannot take the clip or the disk is full.
    """
    assert clip.gt is not None
    if split.recipe is None:
        given = clip.lq[split.name]
        return given, LqFacts(given.digest(), "", {})
    key = digest_of("lq", lq_facts(split, clip.name, gt_digest, seed, clip.gt.fps))
    folder = root / slug(split.name) / f"{slug(clip.name)}.{key[:16]}"
    note = folder.with_name(f"{folder.name}.json")
    kept = _kept(folder, note, clip.gt)
    if kept is not None:
        return kept
    facts = write_degraded(split.recipe, clip.gt, seed, folder, progress)
    with whole_file(note) as temporary:
        temporary.write_text(json.dumps(asdict(facts)))
    return Clip.open(folder, clip.name, clip.gt.fps), facts


def write_degraded(
    recipe: Recipe, gt: Clip, seed: int, folder: Path, progress: Callable[[int], None] = lambda done: None
) -> LqFacts:
    """Degrade a clip into a folder of PNG pictures with the ground truth's frame names; replaces what was
    there. `progress` hears the number of frames written."""
    making = recipe.stream(gt.frames(), gt.name, seed, gt.fps)

    def counted() -> Iterator[Frames]:
        for done, frame in enumerate(making, start=1):
            yield frame
            progress(done)

    write_png_folder(folder, counted(), gt.frame_names, replace=True)
    return LqFacts(making.digest, making.digest_before_codec, making.parameters)


def _kept(folder: Path, note: Path, gt: Clip) -> tuple[Clip, LqFacts] | None:
    """The clip in `folder`, if its frames are those that the note speaks of."""
    try:
        facts = LqFacts(**json.loads(note.read_text()))
        clip = Clip.open(folder, gt.name, gt.fps)
        if len(clip) != len(gt) or clip.digest() != facts.digest:
            return None
    except (OSError, ValueError, TypeError):  # InputError is a ValueError
        return None
    return clip, facts
