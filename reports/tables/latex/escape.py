"""Text that every LaTeX engine sets as it reads."""

from __future__ import annotations

import re

from vfsrbench.io.foreign_text import one_line

_SIGNS = {
    "\\": r"\textbackslash{}",
    **{c: rf"\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # at a row's beginning these two would belong to the line break of the row before
    "*": "{*}",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "σ": r"$\sigma$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "−": r"$-$",
    "–": "--",
    "⁻": r"\textsuperscript{-}",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
}
_LAST_LATIN = "\u017f"  # LaTeX's T1 fonts have the Latin letters up to here
_PUNCTUATION = "–—‘’“”„…€™"
_POWER = re.compile(r"1e(-?\d+)")


def tex(text: str) -> str:
    """Text in one line; signs that pdfLaTeX lacks (not of Latin scripts) as `\\u4e2d`."""
    return "".join(_SIGNS.get(sign) or _latin(sign) for sign in one_line(text).replace("\u00a0", " "))


def _latin(sign: str) -> str:
    if sign <= _LAST_LATIN or sign in _PUNCTUATION:
        return sign
    return _SIGNS["\\"] + sign.encode("ascii", "backslashreplace").decode()[1:]


def tex_heading(short: str) -> str:
    """A short heading; what stands behind `_` is a subscript.

    Example:
        >>> tex_heading("PSNR"), tex_heading("E_warp"), tex_heading("σ_IDS (dlib)")
        ('PSNR', 'E$_{warp}$', '$\\\\sigma_{IDS}$ (dlib)')
    """
    name, gap, aside = short.partition(" ")
    base, mark, below = name.partition("_")
    if not mark or not base or not below:
        return tex(short)
    if not re.fullmatch(r"[A-Za-z0-9,]+", below):
        below = rf"\mathrm{{\mbox{{\scriptsize {tex(below)}}}}}"
    head = rf"$\sigma_{{{below}}}$" if base == "σ" else rf"{tex(base)}$_{{{below}}}$"
    return head + gap + tex(aside)


def tex_unit(text: str) -> str:
    """A unit; `1e-2` as a power."""
    return "".join(rf"$10^{{{part}}}$" if i % 2 else tex(part) for i, part in enumerate(_POWER.split(text)))


def tex_caption(text: str) -> str:
    """What a user wrote as a caption: LaTeX if it has a backslash or a dollar sign, else text."""
    return one_line(text) if "\\" in text or "$" in text else tex(text)
