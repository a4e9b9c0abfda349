"""Recipes: named, versioned lists of operators that turn a clean clip into a degraded one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from degradations.apply import Degraded, Degrading
from degradations.errors import InputError
from degradations.operators.base import Operator, plain, scale_through
from degradations.operators.catalogue import build, count_operators
from degradations.reading.limits import MOST_NAME, MOST_OPERATORS
from degradations.reading.typed_toml import FrozenModel, parse, read_toml, spelled
from degradations.shipped import list_recipes, recipe_path

__all__ = ["ARITHMETIC", "Recipe", "content_digest", "list_recipes", "load_recipe"]

ARITHMETIC = 1
"""The version of the operators' arithmetic: raised whenever any recipe would give other frames."""


class Recipe(FrozenModel):
    """How a clip is degraded. `status` says whether a publication states these numbers or we chose them."""

    name: Annotated[
        str,
        Field(max_length=MOST_NAME),
        spelled("[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits and . _ -, a letter or digit first"),
    ]
    version: int = Field(ge=1, le=1_000_000)
    status: Literal["official", "extrapolated"]
    source: str = Field(min_length=1)
    description: str = Field(min_length=1)
    numbers: Annotated[str, spelled("[A-Za-z0-9][A-Za-z0-9._-]*@[0-9]+", "NAME@VERSION")] | None = None
    """Draw the same random numbers as this recipe version (name@version), to differ only in an operator."""
    operators: tuple[Operator, ...] = Field(min_length=1)

    @cached_property
    def scale(self) -> float | None:
        """Clean size over degraded size; None when it is drawn."""
        scale = scale_through(self.operators, 1.0)
        return int(scale) if scale is not None and scale == int(scale) else scale

    @property
    def _numbers(self) -> str:
        return self.numbers or f"{self.name}@{self.version}"

    def content(self) -> dict[str, Any]:
        """Everything that decides the frames, as plain JSON values."""
        return {
            "name": self.name,
            "version": self.version,
            "numbers": self._numbers,
            "operators": plain(self.operators),
            "arithmetic": ARITHMETIC,
        }

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of `content`: equal digests degrade alike."""
        return content_digest(self.content())

    def apply(
        self,
        frames: Iterable[NDArray[np.uint8]],
        clip: str,
        seed: int = 0,
        fps: float = 25.0,
    ) -> Degraded:
        """Degrade one clip.

        `frames`: uint8 RGB, an array (T, H, W, 3) or any iterable of (H, W, 3) frames or (n, H, W, 3)
        portions, read as they are needed. `clip` and `seed` choose the random numbers. InputError for
        frames of another type or unequal sizes, and for sides that the recipe's scale does not divide.
        """
        return self.stream(frames, clip, seed, fps).collect()

    def stream(
        self,
        frames: Iterable[NDArray[np.uint8]],
        clip: str,
        seed: int = 0,
        fps: float = 25.0,
    ) -> Degrading:
        """As `apply`, but the degraded frames come one by one and none is kept."""
        return Degrading(self.operators, self.scale, self._numbers, frames, clip, seed, fps)


def content_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a recipe's `content`."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A shipped recipe by name, or the user's own TOML file.

    InputError names the file, the operator, the key and the remedy; for a syntax error, the line.
    """
    path = recipe_path(name_or_path)
    where = str(path)
    table = read_toml(path)
    if "operators" not in table:
        raise InputError(f"{where}: key 'operators' is missing: a recipe is a list of [[operators]]")
    count = count_operators(table["operators"])
    if count > MOST_OPERATORS:
        raise InputError(f"{where}: has {count} operators; {MOST_OPERATORS} are the most")
    return parse(Recipe, {**table, "operators": build(table["operators"], where)}, where)
