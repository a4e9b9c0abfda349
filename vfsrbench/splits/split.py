"""Splits: what a clip looks like before it is restored. A recipe makes it, or the data set brings it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degradations.manifest import ClipEntry
from degradations.recipe import Recipe, load_recipe
from degradations.shipped import list_recipes
from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.datasets.layouts import REAL_SPLIT
from vfsrbench.errors import InputError
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.io.names import slug
from vfsrbench.io.safety.damaged import SetAside, leave
from vfsrbench.io.safety.paths import is_path, unknown_name
from vfsrbench.splits.degraded import Degradation, DegradedPlace, degrade_once

GIVEN = "given"


@dataclass(frozen=True)
class Split:
    """A degradation by name. `recipe` is None where the data set brings the degraded clips itself."""

    name: str
    recipe: Recipe | None = None

    @property
    def given(self) -> bool:
        """Whether the degraded clips come with the data set."""
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

    @classmethod
    def of(cls, entry: ClipEntry) -> LqFacts:
        """Those of a clip's entry in a manifest."""
        return cls(entry.digest, entry.before_codec_digest, entry.parameters)


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
    on_progress: Callable[[int], None] = lambda done: None,
    set_aside: SetAside = leave,
) -> tuple[Clip, LqFacts]:
    """The degraded clip, made once and kept as PNG below `root`, checked against its digest when reused.

    What is damaged is handed to `set_aside` and made again. InputError when the recipe
    cannot take the clip or the disk is full.
    """
    if clip.gt is None:
        raise InputError(f"clip {clip.name!r} has no ground truth to make split {split.name!r} from")
    if split.recipe is None:
        given = clip.lq[split.name]
        return given, LqFacts(given.digest(), "", {})
    key = digest_of("lq", lq_facts(split, clip.name, gt_digest, seed, clip.gt.fps))
    folder = root / slug(split.name) / f"{slug(clip.name)}.{key[:16]}"
    place = DegradedPlace(folder, folder.with_name(f"{folder.name}.json"))
    what = Degradation(split.recipe, clip.gt, gt_digest, seed)
    entry = degrade_once(what, place, on_progress, set_aside)
    return Clip.open(folder, clip.name, clip.gt.fps), LqFacts.of(entry)
