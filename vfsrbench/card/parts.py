"""What cards are made of: kinds of values, options, checkpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from degradations.reading.limits import MOST_NAME, MOST_SIDE
from degradations.reading.typed_toml import FrozenModel, spelled
from vfsrbench.io.foreign_text import one_line

Value = bool | int | float | str
Name = Annotated[
    str,
    Field(max_length=MOST_NAME),
    spelled("[A-Za-z0-9][A-Za-z0-9_.+-]*", "letters, digits and . _ + -, a letter or digit first"),
]
Title = Annotated[str, AfterValidator(one_line)]
"""A name as it is shown, without signs that act on a terminal or a page."""
Version = Annotated[int, Field(ge=0, le=1_000_000)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Track = Literal["none", "photo"]
"""What a method is given beside the degraded clip: nothing, or a reference photograph of the person."""
Factory = Annotated[str, spelled(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "module:Class")]


class Option(FrozenModel):
    """One option of a method, chosen as `name[option=value]`.

    Attributes:
        type: Of its values. A `file` is a path (or nothing); results are keyed by the file's content, not
            by its path.
        default: The value when none is given.
        help: One line for `vfsrbench list methods`.
        min: The smallest number.
        max: The largest number.
        choices: All values that are allowed; empty: any of the type.

    Example:
        >>> Option(type="int", default=20, help="Frames a window", min=1, max=100).default
        20
    """

    type: Literal["bool", "int", "float", "str", "file"]
    default: Value
    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[Value, ...] = ()


class WeightUse(FrozenModel):
    """A checkpoint that a method loads, by its name in the weights manifest.

    Attributes:
        name: Of the checkpoint.
        alternatives: Other checkpoints that serve as well, the preferred one first: the first one that is
            here is loaded, and results are keyed by its hash.
        role: The key under which `Predictor.load` receives its path.
        when: Restricts it to certain option values (`{version = "1.4"}`).
        optional: It is left out where the file is not here.
        file: The checkpoint itself, a path relative to the card; `vfsrbench weights path NAME=FILE` puts
            another in its place. Without a `name` it goes by the card's, with its role unless that is `net`.

    Example:
        >>> WeightUse(name="gfpgan-1.4", when={"version": "1.4"}).role
        'net'
    """

    name: str
    file: str = ""
    alternatives: tuple[str, ...] = ()
    role: str = "net"
    when: dict[str, Value] = {}
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The checkpoint and its alternatives, the preferred one first."""
        return (self.name, *self.alternatives)


def named_weights(data: Any, owner: str) -> Any:
    """A card's data with a name for each checkpoint that has a file and none."""
    uses = data.get("weights") if isinstance(data, dict) else None
    if not isinstance(uses, list | tuple) or not all(isinstance(use, dict) for use in uses):
        return data
    named = [
        {"name": _own_name(str(data.get(owner, "")), use), **use} if use.get("file") else use for use in uses
    ]
    return {**data, "weights": named}


def _own_name(owner: str, use: dict[str, Any]) -> str:
    return owner if use.get("role", "net") == "net" else f"{owner}-{use['role']}"
