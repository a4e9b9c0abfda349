"""All operators by name, and operators made from the tables of a TOML file."""

from __future__ import annotations

from typing import Any

from degradations.errors import InputError, did_you_mean
from degradations.operators.base import Operator
from degradations.operators.blur import Blur, Sharpen
from degradations.operators.colour import ColourJitter, ColourShift, Greyscale
from degradations.operators.compress import Codec, Jpeg
from degradations.operators.mix import Choose, Shuffle
from degradations.operators.noise import GaussianNoise, PoissonNoise
from degradations.operators.sampling import Quantize, Resize, Subsample
from degradations.reading.typed_toml import parse

_KINDS: tuple[type[Operator], ...] = (
    Blur,
    Choose,
    Codec,
    ColourJitter,
    ColourShift,
    GaussianNoise,
    Greyscale,
    Jpeg,
    PoissonNoise,
    Quantize,
    Resize,
    Sharpen,
    Shuffle,
    Subsample,
)
CATALOGUE: dict[str, type[Operator]] = {str(kind.model_fields["op"].default): kind for kind in _KINDS}
_NESTED = ("options", "groups")


def build(tables: Any, where: str) -> tuple[Operator, ...]:
    """The operators of a list of tables. InputError names `where`, the operator, the key and the remedy."""
    if not isinstance(tables, list) or not tables:
        raise InputError(f'{where}: a list of operators is expected, such as [[operators]] op = "blur" ...')
    return tuple(_build_one(table, f"{where}, operator {number}") for number, table in enumerate(tables, 1))


def count_operators(tables: Any) -> int:
    """How many operators there are in a list of tables, those inside others counted."""
    if isinstance(tables, dict):
        return ("op" in tables) + sum(count_operators(tables.get(key)) for key in _NESTED)
    return sum(map(count_operators, tables)) if isinstance(tables, list) else 0


def _build_one(table: Any, where: str) -> Operator:
    if not isinstance(table, dict):
        raise InputError(f"{where}: an operator is a table, got {str(table)[:80]}")
    name = table.get("op")
    if name is None:
        raise InputError(f"{where}: key 'op' is missing; it names the operator")
    if not isinstance(name, str) or name not in CATALOGUE:
        raise InputError(f"{where}: {did_you_mean('operator', str(name), CATALOGUE)}")
    where = f"{where} ({name})"
    inner = {
        key: tuple(build(group, f"{where}, {key}[{place}]") for place, group in enumerate(table[key]))
        for key in _NESTED
        if isinstance(table.get(key), list)
    }
    return parse(CATALOGUE[name], {**table, **inner}, where)
