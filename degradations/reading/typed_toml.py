"""TOML files read into typed models, with one clear line for every mistake."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from degradations.errors import InputError
from degradations.reading.text import read_toml

__all__ = ["FrozenModel", "Model", "load", "parse", "read_toml", "spelled"]


class FrozenModel(BaseModel):
    """Base of all cards, recipes and operators: unknown keys, NaN and infinities are errors, values do
    not change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        protected_namespaces=(),
        allow_inf_nan=False,
    )

    def replace(self, **changes: Any) -> Self:
        """The same with other values, checked as those of a file are (`model_copy` checks nothing).

        Raises:
            InputError: A value is not allowed, or there is no such key.
        """
        facts = {name: getattr(self, name) for name in type(self).model_fields}
        where = f"{type(self).__name__.lower()} {getattr(self, 'name', '')}".strip()
        return parse(type(self), {**facts, **changes}, where)


Model = TypeVar("Model", bound=BaseModel)


def spelled(pattern: str, words: str) -> AfterValidator:
    """Marks texts that must match a pattern; the error says it in `words`, not as a pattern.

    Example:
        >>> from typing import Annotated
        >>> from pydantic import TypeAdapter
        >>> TypeAdapter(Annotated[str, spelled("[a-z]+", "small letters")]).validate_python("abc")
        'abc'
    """
    expression = re.compile(pattern)

    def check(text: str) -> str:
        if expression.fullmatch(text) is None:
            raise ValueError(f"{text!r} is none; use {words}")
        return text

    return AfterValidator(check)


def parse(model: type[Model], data: dict[str, Any], where: str) -> Model:
    """`data` as a `model`. InputError names the place, the key, and the nearest known key."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{where}: {_first_problem(model, error)}") from None


def load(model: type[Model], path: Path) -> Model:
    """The TOML file at `path` as a `model`."""
    return parse(model, read_toml(path), str(path))


def _first_problem(model: type[BaseModel], error: ValidationError) -> str:
    problems = error.errors()
    # a misspelt key shows as an unknown one and a missing one: the first says more
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        name = str(problem["loc"][-1])
        near = difflib.get_close_matches(name, _keys(model, problem["loc"][:-1]), n=1, cutoff=0.5)
        return f"unknown key {key!r}" + (f", did you mean {near[0]!r}?" if near else "; remove it")
    if problem["type"] == "missing":
        return f"key {key!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"key {key!r}: {message}" if key else message


def _keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys known at `place` inside `model`; nested models are followed through their annotations."""
    for part in place:
        if isinstance(part, int):
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.validation_alias)), None)
        nested = _nested_model(field.annotation) if field else None
        if nested is None:
            continue  # a key of a dict: the model inside was found one step earlier
        model = nested
    return [str(field.validation_alias or name) for name, field in model.model_fields.items()]


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _nested_model(inner)
        if found is not None:
            return found
    return None
