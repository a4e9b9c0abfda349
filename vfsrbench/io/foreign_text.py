"""Text that others wrote: file names, titles, messages. Made safe once, where it comes in or goes out."""

from __future__ import annotations

import hashlib
import os
from urllib.parse import unquote_to_bytes

LONGEST_NAME = 200
"""Bytes of a name that had to be spelled otherwise; names that had not keep their length."""


def clean_name(name: str) -> str:
    """A file's name as it is called everywhere in here: printable, valid Unicode, without a backslash.

    Bytes that are no UTF-8, control characters, invisible ones that turn or join text, and backslashes are
    spelled `%1B`. Other names stay as they are, whatever the script. What is read from the disk goes through
    here, so that no terminal, record, table or figure meets anything else.

    Args:
        name: A name as `os` gives it (bytes that are no UTF-8 as lone surrogates).

    Returns:
        The name; of one that grows beyond `LONGEST_NAME` bytes the beginning and a hash.
    """
    if name.isprintable() and "\\" not in name:
        return name
    text = "".join(c if c.isprintable() and c != "\\" else _percent(c) for c in name)
    if len(text.encode()) <= LONGEST_NAME:
        return text
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return f"{text.encode()[: LONGEST_NAME - 9].decode(errors='ignore')}~{digest}"


def raw_name(name: str) -> str:
    """The name on the disk that `clean_name` may have been given: `%1B` as the character itself."""
    return os.fsdecode(unquote_to_bytes(name.encode("utf-8", "surrogateescape")))


def one_line(text: str) -> str:
    """`text` for a terminal, a log or a table: in one line, nothing in it that acts instead of being read.

    Control characters, line ends, marks that turn the direction of text and lone surrogates are shown
    escaped (`\\x1b`, `\\u202e`). Printable text stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else _escaped(c) for c in text)


def many_lines(text: str) -> str:
    """As `one_line`, but line ends and tabs stay: for tables that are printed as text."""
    if text.isprintable():
        return text
    return "".join(c if c in "\n\t" or _harmless(c) else _escaped(c) for c in text)


def _harmless(sign: str) -> bool:
    # blanks of every width and joiners (of emoji, of Indic scripts) are no danger to a reader
    return sign.isprintable() or sign in "\u00a0\u2009\u202f\u3000\u200c\u200d\u00ad"


def _escaped(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode() if ord(sign) > 0x7F else f"\\x{ord(sign):02x}"


def _percent(sign: str) -> str:
    try:
        data = sign.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        data = sign.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
