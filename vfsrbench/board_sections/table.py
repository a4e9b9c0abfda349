"""`[table]`: what of a board its tables show, and how."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator

from degradations.reading.limits import MOST_NAME
from degradations.reading.typed_toml import FrozenModel, spelled
from vfsrbench.io.foreign_text import one_line

Digits = Annotated[int, Field(ge=0, le=12)]


class TableStyle(FrozenModel):
    """What tables show, and how; places and marks are among what is shown.

    Attributes:
        columns: Metrics in the order of the columns: ids, or families (`ids` stands for all `ids_*`).
            Default: all.
        methods: Methods in the order of the rows; a name without options stands for all its variants.
            Default: all.
        splits: Splits in the order of the tables. Default: all.
        digits: Decimals, for all metrics or by metric. Default: what the metrics' cards say.
        facts: Whether rank, size, speed, memory, licence and number of clips are shown.
        caption: What the tables are called instead of the board's title and split. With a backslash or a
            dollar sign it is LaTeX, and stands in LaTeX as it is.
        label: Of LaTeX tables, for `\\ref`.
        highlight: Methods that stand out, in tables and figures; `none`: none does. Default: those that do
            not come with vfsrbench.
        order: What orders the rows: a metric (best first), `name`, or `board` for the board's order.
            Default: the order of `methods` here, else the board's `sort_by`.

    Example:
        >>> TableStyle(columns=("psnr", "ids"), digits={"psnr": 2}, highlight="mine").highlight
        ('mine',)
    """

    columns: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    digits: Digits | dict[str, Digits] | None = None
    facts: bool = True
    caption: Annotated[str, Field(max_length=2000), AfterValidator(one_line)] = ""
    label: Annotated[
        str, Field(max_length=MOST_NAME), spelled("[A-Za-z0-9:._+-]*", "letters, digits and : . _ + -")
    ] = ""
    highlight: tuple[str, ...] = ()
    order: str | None = None

    @field_validator("highlight", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value
