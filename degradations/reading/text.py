"""Text that users give: UTF-8, with or without a byte order mark; JSON and TOML in it, within limits.

Anything else is an InputError with file and line: half-understood text gives wrong numbers, not errors.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import tomllib
from collections.abc import Callable
from typing import Any

from degradations.errors import InputError
from degradations.reading.regular_file import read_bytes

MOST_TOML_BYTES = 4 << 20
MOST_TEXT_BYTES = 1 << 26
MOST_JSON_BYTES = 1 << 29
MOST_NESTED = 32
"""How deep tables, lists and objects may lie in one another."""
MOST_INTEGER = 2**63 - 1
_WIDE = (  # in this order: a UTF-32 mark begins like a UTF-16 one
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_BOM = "\ufeff"
_PIECES = re.compile(r"[,=\n]")
_DOTS = re.compile(r"\.\.+")

Path = str | os.PathLike[str]


def read_text(path: Path, what: str = "text file", most: int = MOST_TEXT_BYTES) -> str:
    """The text of a UTF-8 file, its lines ended by `\\n` alone.

    Args:
        path: A regular file; a byte order mark at its start is left out.
        what: What was expected there, for the messages.
        most: The largest number of bytes that is read.

    Returns:
        The text; `\\r\\n` and `\\r` have become `\\n`.

    Raises:
        InputError: The file is missing, no regular file, too large, or not UTF-8 text without NUL bytes;
            the line is named.
    """
    return decode_text(read_bytes(path, what, most), os.fspath(path), what)


def decode_text(content: bytes, where: str, what: str = "text file") -> str:
    """`read_text` for bytes that are here already; `where` names their source."""
    kind = next((name for mark, name in _WIDE if content.startswith(mark)), "")
    if kind:
        raise InputError(f"{where}: is {kind}, not UTF-8 text; a {what} was expected, save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise InputError(f"{where}, line {line}: holds a NUL byte, a UTF-8 {what} was expected")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{where}, line {line}: is not UTF-8 text, a {what} was expected; save it as UTF-8"
        ) from None
    mark = text.find(_BOM)
    if mark >= 0:
        line = text.count("\n", 0, mark) + 1
        raise InputError(f"{where}, line {line}: a byte order mark stands inside the {what}; remove it")
    return text


def read_lines(path: Path, what: str = "text file") -> list[str]:
    """The lines of a UTF-8 file (see `read_text`), without their ends; other separators do not count."""
    return read_text(path, what).split("\n")


def read_json(path: Path, what: str = "JSON file", strict: bool = True) -> Any:
    """The value in a UTF-8 JSON file.

    Args:
        path: The file.
        what: What was expected there, for the messages.
        strict: NaN, infinities and repeated keys, which are no JSON, are errors.

    Raises:
        InputError: It is not UTF-8 text, no JSON (with the line), or out of the limits of `check_values`.
    """
    return parse_json(read_text(path, what, MOST_JSON_BYTES), os.fspath(path), what, strict)


def parse_json(text: str, where: str, what: str = "JSON text", strict: bool = True) -> Any:
    """`read_json` for text that is here already; `where` names its source."""
    rules: dict[str, Any] = {}
    if strict:
        rules = {"parse_constant": _refuse_constant, "object_pairs_hook": _without_repeats}
    return _parsed(lambda: json.loads(text, parse_int=_integer, **rules), where, what)


def read_toml(path: Path, what: str = "TOML file") -> dict[str, Any]:
    """The content of a UTF-8 TOML file. InputError names the file, and the line of a mistake."""
    return parse_toml(read_text(path, what, MOST_TOML_BYTES), os.fspath(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """`read_toml` for text that is here already; `where` names its source."""
    for piece in _PIECES.split(text):  # tomllib takes hours for a dotted key of a million parts
        if piece.count(".") > MOST_NESTED and _DOTS.sub("", piece).count(".") > MOST_NESTED:
            raise _too_deep(where)
    content: dict[str, Any] = _parsed(lambda: tomllib.loads(text), where, "TOML file")
    return content


def check_values(value: Any, where: str) -> None:
    """InputError for values nested deeper than MOST_NESTED, whole numbers beyond 64 bits, and text that is no
    Unicode (lone surrogates). `where` names their source."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            _check_unicode(value, where)
        elif isinstance(value, int):
            _check_integer(value, where)
        if depth > MOST_NESTED:
            raise _too_deep(where)


def _parsed(parse: Callable[[], Any], where: str, what: str) -> Any:
    try:
        value = parse()
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: is not JSON (line {error.lineno}: {error.msg}), a {what} was expected"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: TOML syntax error: {error}") from None
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError:  # Python refuses to read whole numbers of thousands of digits
        raise InputError(f"{where}: a whole number is too long; {_integers()}") from None
    check_values(value, where)
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise InputError(f"the whole number {digits[:12]}... has {len(digits)} digits; {_integers()}")
    return int(digits)


def _check_integer(value: int, where: str) -> None:
    if not -MOST_INTEGER - 1 <= value <= MOST_INTEGER:
        raise InputError(f"{where}: a whole number of {value.bit_length()} bits; {_integers()}")


def _integers() -> str:
    return "whole numbers lie in -2^63..2^63-1"


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{where}: holds text that is no Unicode (a lone surrogate): {text!r}") from None


def _too_deep(where: str) -> InputError:
    return InputError(f"{where}: is nested too deeply; {MOST_NESTED} levels are the most")


def _refuse_constant(name: str) -> Any:
    raise InputError(f"{name} is no JSON number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the key {twice!r} stands there twice")
    return found
