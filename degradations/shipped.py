"""Which recipes there are, without loading what it takes to apply them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degradations.errors import InputError
from degradations.reading.names import expanded, is_path, unknown_name
from degradations.reading.regular_file import is_there
from degradations.reading.typed_toml import read_toml

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
    """The file of a shipped recipe's name, or of the user's own: a `Path`, or a path in text (`./mine.toml`).

    A bare name is never a path: what lies in the current folder does not hide a shipped recipe.
    """
    if isinstance(name_or_path, str) and not is_path(name_or_path):
        shipped = SHELF / f"{name_or_path}.toml"
        names = [path.stem for path in SHELF.glob("*.toml")]
        if name_or_path not in names:
            raise unknown_name("recipe", name_or_path, names)
        return shipped
    path = expanded(name_or_path)
    if not is_there(path):
        raise InputError(f"{path}: no such recipe file; `vfsrbench list` shows the shipped recipes")
    return path


def _facts(path: Path) -> RecipeFacts:
    head: dict[str, Any] = read_toml(path)
    return RecipeFacts(
        head["name"], head["version"], head["status"], head["source"], head["description"], path
    )
