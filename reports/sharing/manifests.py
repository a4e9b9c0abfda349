"""Recipe and manifest of each split, from what a workspace notes of its degraded clips."""

from __future__ import annotations

from degradations.manifest import ClipEntry, Manifest, new_manifest
from degradations.recipe import Recipe, load_recipe
from reports.material import Material
from vfsrbench.errors import DamagedFile, InputError
from vfsrbench.io.names import slug
from vfsrbench.results.workspace import Workspace
from vfsrbench.splits.degraded import read_degraded_note


def manifests_of(material: Material, place: Workspace, without: list[str]) -> dict[str, Manifest]:
    """The manifests of the splits that have a recipe, by split.

    Args:
        material: The results.
        place: Their workspace.
        without: What of it is not there any more is added, a line each.
    """
    protocol = material.protocol
    records = [result.record for result in material.results]
    newest = max(records, key=lambda record: (record.finished, record.key))
    found: dict[str, Manifest] = {}
    for split in dict.fromkeys(record.split for record in records):
        digest = protocol.recipes.get(split, "")
        if not digest:  # the data set brings the degraded clips
            continue
        recipe = _recipe(split, digest)
        if recipe is None:
            without.append(f"recipe {split!r}: it is not installed here, or has another version")
            continue
        fed = {(r.clip, r.lq_digest) for r in records if r.split == split and r.lq_digest}
        entries = _entries(material, place, split, digest, fed)
        lost = sorted({clip for clip, _ in fed} - entries.keys())
        if lost:
            without.append(f"manifest of {split}: no degraded frames of {', '.join(lost)} are here any more")
        made = new_manifest(recipe, protocol.seed, entries)
        found[split] = made.replace(software=dict(newest.versions))
    return found


def _recipe(split: str, digest: str) -> Recipe | None:
    """The recipe of a split, if it is still the one that results were made with."""
    try:
        recipe = load_recipe(split)
    except InputError:
        return None
    return recipe if recipe.digest() == digest else None


def _entries(
    material: Material, place: Workspace, split: str, recipe: str, fed: set[tuple[str, str]]
) -> dict[str, ClipEntry]:
    """What the workspace notes of the degraded clips that results were made from, by clip."""
    names = {slug(clip): clip for clip, _ in fed}
    found: dict[str, ClipEntry] = {}
    for note in sorted((place.splits / slug(split)).glob("*.json")):
        clip = names.get(note.name.rpartition(".json")[0].rpartition(".")[0])
        if clip is None:
            continue
        try:
            made = read_degraded_note(note)
        except DamagedFile as error:
            material.losses.set_aside(error)
            continue
        if made is not None and made.recipe == recipe and (clip, made.entry.digest) in fed:
            found[clip] = made.entry
    return found
