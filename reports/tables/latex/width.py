"""How wide text is set: Computer Modern at 10 points, which is wider than Times and the like.

The widths are those of cmr10 in its font metrics, in thousandths of the size; a bold letter takes up to 16 %
more.
"""

from __future__ import annotations

import re
import unicodedata

_GROUPS = {
    278: "!',.:;[]il|",
    306: "fj",
    334: " -\u00a0",
    361: "I",
    389: "()t",
    392: "r",
    395: "s",
    445: "cez",
    473: "?",
    500: '$*/0123456789ago"–↑↓{}\\~^',
    514: "J",
    528: "kqvxy",
    556: "Sbdhnpu",
    572: "σ",
    612: "Z",
    625: "L",
    653: "F",
    681: "EP",
    709: "B",
    723: "CTw",
    737: "R",
    750: "AHNUVXY",
    764: "D",
    778: "&+=@KOQ<>−×",
    785: "G",
    834: "#%m",
    917: "M",
    1028: "W",
}
_WIDTHS = {sign: width for width, signs in _GROUPS.items() for sign in signs}
_WIDEST = 1028
BOLD, SCRIPT, SUBSCRIPT = 1.16, 0.72, 1.0
"""How wide bold text is against upright text, `\\scriptsize`, and a subscript: small, but in math italics."""


def width_of(text: str, size: float = 10.0) -> float:
    """Points that text takes; letters with marks take what their letters do, unknown signs what is spelled
    instead.

    Example:
        >>> round(width_of("26.40"), 2), round(width_of("Bicubic"), 2)
        (22.78, 32.67)
    """
    return size * sum(_sign(sign) for sign in text) / 1000


def heading_width(short: str) -> float:
    """Points that a short heading takes; what stands behind `_` is a subscript."""
    name, gap, aside = short.partition(" ")
    base, _, below = name.partition("_")
    return width_of(base + gap + aside) + SUBSCRIPT * width_of(below)


def _sign(sign: str) -> int:
    if sign in _WIDTHS:
        return _WIDTHS[sign]
    base = unicodedata.normalize("NFD", sign)[0]
    if base in _WIDTHS:
        return _WIDTHS[base]
    spelled = sign.encode("ascii", "backslashreplace").decode()
    if re.fullmatch(r"\\[uUx][0-9a-f]+", spelled):
        return max(_WIDEST, sum(_WIDTHS[s] for s in spelled))
    return _WIDEST
