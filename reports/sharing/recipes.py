"""The recipe that a manifest names, to degrade clips with it here."""

from __future__ import annotations

from degradations.manifest import Manifest
from degradations.operators.catalogue import build, count_operators
from degradations.reading.limits import MOST_OPERATORS
from degradations.reading.typed_toml import parse
from degradations.recipe import Recipe, list_recipes, load_recipe
from vfsrbench.errors import InputError


def recipe_of(manifest: Manifest) -> Recipe | None:
    """The recipe: as it is shipped, or made from what the manifest says of it. None where this version of the
    recipes' arithmetic makes other frames of it."""
    entry = manifest.recipe
    if entry.name in {facts.name for facts in list_recipes()}:
        shipped = load_recipe(entry.name)
        if shipped.digest() == entry.digest:
            return shipped
    operators = entry.content.get("operators")
    if count_operators(operators) > MOST_OPERATORS:
        return None
    where = f"recipe {entry.name!r}"
    facts = {
        "name": entry.name,
        "version": entry.version,
        "status": entry.status,
        "source": entry.source,
        "description": "of a manifest",
        "numbers": entry.content.get("numbers"),
    }
    try:
        recipe = parse(Recipe, {**facts, "operators": build(operators, where)}, where)
    except InputError:
        return None
    return recipe if recipe.digest() == entry.digest else None
