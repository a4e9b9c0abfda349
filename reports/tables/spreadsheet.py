"""CSV that a spreadsheet opens as what it is: no cell of it is taken for a formula.

As OWASP advises ("CSV Injection"): a text that begins with one of `=`, `+`, `-`, `@`, tab or carriage return
gets an apostrophe in front, and texts with anything that some spreadsheet takes for a separator are quoted.
Numbers stay numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

# also the wide forms, which spreadsheets in Chinese and Japanese take for the narrow ones
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|nan)")
_QUOTED = re.compile(r"[\",;\t\r\n|]|^\s|\s$")


def neutral(text: str) -> str:
    """`text` with an apostrophe in front where a spreadsheet would take it for a formula.

    Args:
        text: A cell. One that reads as a number (`-0.5`) stays as it is.

    Returns:
        The cell to write; only its beginning differs, so that `text.removeprefix("'")` recovers it.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV (RFC 4180, UTF-8, lines end with a newline).

    Args:
        rows: Texts, numbers, booleans; None and NaN give empty cells.
    """
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return repr(float(value))
    if not isinstance(value, str):
        return str(value)
    text = neutral(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
