"""What lists say in a word: licences, whether weights are here; and tables that fit the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    from vfsrbench.card import WeightUse

Rows = list[list[str]]
NOT_COMMERCIAL, MORE = "*", "+"
FOOTNOTE = (
    f"licence: {NOT_COMMERCIAL} not for commercial use; {MORE} more to it; own: one of its own; ?: unknown"
)
_LONGEST = 10
_NONE = re.compile(r"(none|not stated|of the weights: not stated)\b", re.IGNORECASE)
_UNKNOWN = "unknown"
"""What `vfsrbench new` writes on a card."""
_WHOLE = ("BSD-3-Clause", "BSD-2-Clause", "NTU S-Lab License 1.0", "CC BY-NC-SA 4.0")
"""Texts that say no more than their word does."""
_KNOWN = ("S-Lab", "CC BY-NC-SA", "CogVideoX", "PolyForm", "NVIDIA")
"""Licences whose names are longer than a cell; the first that is named stands for the text."""
_GAP, _LEAST = "  ", 12
"""What stands between columns; to how many characters a column of words may be folded."""


def licence_word(text: str, commercial: bool | None) -> str:
    """A licence in a word, with marks that `FOOTNOTE` explains.

    Args:
        text: What a card or the manifest says of it.
        commercial: Whether it allows commercial use, if that is known.

    Example:
        >>> licence_word("Apache-2.0, with NVIDIA StyleGAN2 (non-commercial) parts", False)
        'Apache-2.0*+'
        >>> licence_word("none in the repository; its README said academic use only", False)
        'none*+'
    """
    head = re.split(r"[,;:(]", text)[0].strip()
    known = next((name for name in _KNOWN if name in text), "")
    if _NONE.match(text):
        word = "none"
    elif " " not in head and head[:1].isupper() and len(head) <= _LONGEST:
        word = head
    elif public := re.match(r"MIT|BSD", head):
        word = public[0]
    else:
        word = known or ("?" if head in ("", _UNKNOWN) or text.startswith("see ") else "own")
    more = text.strip() not in ("", word, _UNKNOWN, *_WHOLE)
    return word + NOT_COMMERCIAL * (commercial is False) + MORE * more


class WeightsHere:
    """Says whether checkpoints are on this machine."""

    def __init__(self) -> None:
        from vfsrbench.weights.manifest import load_manifest
        from vfsrbench.weights.receipts import weights_root

        try:
            self._root: Path | None = weights_root()
        except InputError:  # no home folder: the cards can be listed nevertheless
            self._root = None
        self._manifest = load_manifest()

    def of(self, uses: Sequence[WeightUse]) -> str:
        """`here`, `none needed`, or what is missing."""
        if not uses:
            return "none needed"
        missing = [f"vfsrbench[{extra}]" for extra in self.extras(uses)]
        missing += [use.name for use in self._missing(uses)]
        return f"missing: {', '.join(missing)}" if missing else "here"

    def word(self, uses: Sequence[WeightUse]) -> str:
        """`ready`, `none` (needed), `fetch` (a command gets what is missing), `by hand` (nothing can), or
        `library` (what reads them is not installed)."""
        missing = self._missing(uses)
        if any(not self._is_published(use) for use in missing):
            return "by hand"
        if missing:
            return "fetch"
        return "library" if self.extras(uses) else "ready" if uses else "none"

    def _missing(self, uses: Iterable[WeightUse]) -> list[WeightUse]:
        needed = (use for use in uses if not use.optional)
        return [use for use in needed if not any(self._is_here(use, name) for name in use.names)]

    def extras(self, uses: Iterable[WeightUse]) -> list[str]:
        """The installation extras with libraries that read the files, and are not here."""
        from vfsrbench.weights.resolve import without_library

        entries = [self._manifest.entries.get(use.name) for use in uses if not use.optional]
        return sorted({lacking.extra for entry in entries if (lacking := without_library(entry)) is not None})

    def _is_published(self, use: WeightUse) -> bool:
        """Whether `weights fetch` can get one of the files."""
        entries = [self._manifest.entries.get(name) for name in use.names]
        return any(entry is not None and (entry.urls or entry.wheels) for entry in entries)

    def _is_here(self, use: WeightUse, name: str) -> bool:
        from vfsrbench.weights.resolve import place_of_use

        root, entry = self._root, self._manifest.entries.get(name)
        return root is not None and place_of_use(root, use, name, entry) is not None


def table(heads: Sequence[str], rows: Rows, folded: Sequence[int] = ()) -> str:
    """A plain table, no wider than the terminal.

    Args:
        heads: The columns.
        rows: Their cells; numbers stay as they are written.
        folded: Columns of words, which give way where the table is too wide: the first of them before the
            others. In a pipe every row is one line, unless `COLUMNS` says how wide it is.
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    excess = sum(widths) + len(_GAP) * (len(heads) - 1) - (line_width() or sys.maxsize)
    for column in folded:
        given = max(0, min(excess, widths[column] - max(_LEAST, len(heads[column]))))
        widths[column] -= given
        excess -= given
    lines = [list(heads), ["-" * width for width in widths]]
    for row in rows:
        cells = [
            textwrap.wrap(cell, width, break_on_hyphens=False) if len(cell) > width else [cell]
            for cell, width in zip(row, widths, strict=True)
        ]
        lines += [list(line) for line in zip_longest(*cells, fillvalue="")]
    joined = (_GAP.join(map(str.ljust, line, widths)) for line in lines)
    return "\n".join(line.rstrip() for line in joined)


def line_width() -> int | None:
    """Characters of a line of the terminal, or as `COLUMNS` says; None in a pipe, where lines may be long."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return max(40, shutil.get_terminal_size().columns)
