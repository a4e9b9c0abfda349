"""Clips whose sides a split cannot divide: found together, or cropped to a multiple that all splits take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from degradations.recipe import load_recipe
from degradations.shipped import list_recipes
from vfsrbench.board import DatasetUse
from vfsrbench.datasets.dataset import DatasetClip
from vfsrbench.errors import InputError, counted
from vfsrbench.io.safety.paths import is_path
from vfsrbench.splits.split import Split

REFUSE = "refuse"
CROP = "crop"
_MOST_CLIPS = 50


def fitted(use: DatasetUse, splits: Sequence[str]) -> DatasetUse:
    """The data set with the number behind its `fit = "crop"`: the least multiple that all splits divide by.

    Raises:
        InputError: No split says by how much it makes clips smaller.
    """
    if use.fit != CROP:
        return use
    multiple = math.lcm(*(int(scale) for scale in _scales(splits)))
    if multiple == 1:
        raise InputError(
            f"--fit {CROP}: none of the splits {', '.join(splits)} says by how much it makes clips smaller; "
            f"say what to crop to multiples of, such as --fit {CROP}8"
        )
    return use.replace(fit=f"{CROP}{multiple}")


def _scales(splits: Iterable[str]) -> list[float]:
    """Those that recipes state as whole numbers; a split that comes with the clips has none."""
    shipped = {facts.name for facts in list_recipes()}
    recipes = [load_recipe(name) for name in splits if is_path(name) or name in shipped]
    return [recipe.scale for recipe in recipes if recipe.scale is not None and recipe.scale % 1 == 0]


def misfits(clip: DatasetClip, split: Split) -> bool:
    """Whether the sides of a clip cannot be divided by what the split divides them by."""
    target = clip.gt_or_upscaled
    return indivisible(target.height, target.width, split)


def indivisible(height: int, width: int, split: Split) -> bool:
    """Whether one of these sides cannot be divided by what the split divides them by."""
    scale = split.scale
    return not split.given and scale is not None and bool(height % scale or width % scale)


def misfit_line(clips: Iterable[DatasetClip], splits: Iterable[Split], alone: bool = False) -> str:
    """All clips that do not fit, in one line with the remedy; empty if all do. `alone`: the others go on."""
    by = list(splits)
    found = []
    for clip in clips:
        wrong = [split for split in by if misfits(clip, split)]
        if wrong:
            size = f"{clip.name} ({clip.gt_or_upscaled.width}x{clip.gt_or_upscaled.height})"
            found.append((size, wrong))
    if not found:
        return ""
    need = {split.name: split.scale for _, wrong in found for split in wrong}
    names = ", ".join(size for size, _ in found[:_MOST_CLIPS])
    more = f" and {len(found) - _MOST_CLIPS} more" if len(found) > _MOST_CLIPS else ""
    divide = ", ".join(f"{name} by {scale:g}" for name, scale in need.items())
    return (
        f"{counted(len(found), 'clip')} cannot be divided as splits do ({divide}): {names}{more}"
        f"; crop them, or --fit crop takes the centre of each{'; without it they fail alone' * alone}"
    )
