"""Which recipes there are, without loading what it takes to apply them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degradations.errors import InputError, did_you_mean
from degradations.typed_toml import read_toml

SHELF = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class RecipeFacts:
    """The head of a shipped recipe."""

    name: str
    version: int
    status: str
    source: str
    description: str
    path: Path


def list_recipes() -> list[RecipeFacts]:
    """All shipped recipes, by name."""
    return [_facts(path) for path in sorted(SHELF.glob("*.toml"), key=lambda path: path.stem)]


def recipe_path(name_or_path: str | Path) -> Path:
    """The file of a shipped recipe's name, or of the user's own: a path, or anything ending in .toml.

    A folder or file here that is called like a shipped recipe does not hide it.
    """
    path = Path(name_or_path)
    shipped = SHELF / f"{name_or_path}.toml"
    if len(path.parts) == 1 and shipped.is_file():
        return shipped
    if path.suffix == ".toml" or path.is_file() or len(path.parts) > 1:
        if not path.is_file():
            raise InputError(f"{path}: no such recipe file; `vfsrbench list` shows the shipped recipes")
        return path
    raise did_you_mean("recipe", str(name_or_path), [p.stem for p in SHELF.glob("*.toml")])


def _facts(path: Path) -> RecipeFacts:
    head: dict[str, Any] = read_toml(path)
    return RecipeFacts(
        head["name"], head["version"], head["status"], head["source"], head["description"], path
    )
