"""Degraded clips made again: are they those that a bundle's methods were fed?"""

from __future__ import annotations

from collections.abc import Callable, Collection

from degradations.recipe import Recipe, load_recipe
from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Finding
from reports.sharing.recipes import recipe_of
from vfsrbench.datasets.dataset import Dataset, DatasetClip
from vfsrbench.errors import InputError


def degraded_again(
    bundle: Bundle,
    data: Dataset,
    clips: Collection[str],
    findings: list[Finding],
    progress: Callable[[str], None],
) -> int:
    """Compare the digests of degraded clips with those of the bundle's jobs.

    Args:
        bundle: The bundle.
        data: The data set here.
        clips: Those whose ground truth is the bundle's.
        findings: What differs, or cannot be made here, is added.
        progress: Called with what is being done.

    Returns:
        How many degraded clips were looked at.
    """
    fed: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for result in bundle.results:
        record = result.record
        if record.status == "ok" and record.lq_digest and record.clip in clips:
            fed.setdefault((record.split, record.clip), []).append((record.method, record.lq_digest))
    found = {clip.name: clip for clip in data.clips()}
    done = 0
    for (split, name), rows in sorted(fed.items()):
        progress(f"degrading {name}, {split}")
        digest = _digest(bundle, split, found[name])
        if digest is None:
            findings.append(
                Finding(f"the recipe of {split} is not known here: nothing was degraded", None, False)
            )
            continue
        done += 1
        for method, said in rows:
            if said != digest:
                text = "its degraded frames are not those that the recipe makes here"
                findings.append(Finding(text, (split, method), clip=name))
    return done


def _digest(bundle: Bundle, split: str, clip: DatasetClip) -> str | None:
    if split in clip.lq:
        return clip.lq[split].digest()
    recipe = recipe_here(bundle, split)
    if recipe is None or clip.gt is None:
        return None
    making = recipe.stream(clip.gt.frames(), clip.name, bundle.protocol.seed, clip.gt.fps)
    for _ in making:
        pass
    return making.digest


def recipe_here(bundle: Bundle, split: str) -> Recipe | None:
    """The recipe of a split, from the bundle's manifest or as it is shipped; None where neither is it."""
    manifest = bundle.manifests.get(split)
    recipe = None if manifest is None else recipe_of(manifest)
    if recipe is None:
        try:
            recipe = load_recipe(split)
        except InputError:
            return None
    return recipe if recipe.digest() == bundle.protocol.recipes.get(split) else None
