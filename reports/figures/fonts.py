"""Which fonts figures are drawn with, and what stands for signs that none of them has."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from reports.known.unchanged import Unchanged

FAMILY = "DejaVu Sans"
CJK = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Source Han Sans JP",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Hiragino Sans GB",
    "Heiti TC",
    "Microsoft YaHei",
    "SimHei",
    "Yu Gothic",
    "MS Gothic",
    "IPAGothic",
    "TakaoGothic",
    "VL Gothic",
    "Malgun Gothic",
    "NanumGothic",
    "Arial Unicode MS",
)
"""Families with Chinese, Japanese or Korean signs, as systems ship them; the first two installed are used."""
_MOST_FALLBACKS = 2


@cache
def families() -> tuple[str, ...]:
    """The family of figures, then those CJK families that are installed."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return (FAMILY, *[name for name in CJK if name in installed][:_MOST_FALLBACKS])


def families_noted(noted: Mapping[str, object], unchanged: Unchanged) -> dict[str, object]:
    """`families`, and where matplotlib keeps its list of fonts, which they come from.

    Matplotlib takes a quarter of a second to import. What was `noted` so before is believed while that list
    is as it was, and this matplotlib would take it from the same place.
    """
    place, names = Path(str(noted.get("list", "none"))), noted.get("families")
    if isinstance(names, list) and unchanged.holds(_asked(names), [place], lambda: list(families()) == names):
        return dict(noted)
    found, at = list(families()), _font_list()
    unchanged.holds(_asked(found), [at], lambda: True)
    return {"families": found, "list": str(at)}


def _asked(names: Sequence[str]) -> list[object]:
    places = [os.environ.get(name, "") for name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")]
    return ["fonts", version("matplotlib"), *places, list(names)]


def _font_list() -> Path:
    from matplotlib import get_cachedir
    from matplotlib.font_manager import FontManager

    return Path(get_cachedir(), f"fontlist-v{FontManager.__version__}.json")


@cache
def _signs(family: str) -> frozenset[int]:
    """Code points that the family has, in its plain and in its bold cut."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    found: frozenset[int] | None = None
    for weight in ("normal", "bold"):
        path = findfont(FontProperties(family=family, weight=weight))
        known = frozenset(get_font(path).get_charmap())
        found = known if found is None else found & known
    return found or frozenset()


def drawable(text: str) -> str:
    """`text` with every sign that no font here can draw as `\\u4e2d`, and control characters escaped."""
    if text.isascii() and text.isprintable():
        return text
    lines = (one_line(line) for line in text.split("\n"))
    return "\n".join("".join(c if _has(c) else _spelled(c) for c in line) for line in lines)


def shortened(text: str, signs: int) -> str:
    """`text` in at most so many signs; of a longer one the beginning and the end."""
    text = drawable(text)
    if len(text) <= signs:
        return text
    tail = (signs - 1) // 3
    return f"{text[: signs - 1 - tail]}…{text[len(text) - tail :]}"


def shortened_apart(texts: Sequence[str], signs: int) -> list[str]:
    """`shortened` of each; those that would come out alike keep their number."""
    short = [shortened(text, signs) for text in texts]
    return [
        text if short.count(text) == 1 or text == whole else f"{shortened(whole, signs - 5)} ({place})"
        for place, (text, whole) in enumerate(zip(short, texts, strict=True), 1)
    ]


def make_drawable(figure: FigureBase) -> None:
    """Every text of a figure. Whatever a clip or a method is called, no glyph is missing."""
    from matplotlib.text import Text

    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        text = artist.get_text()
        if not text.isascii():
            artist.set_text(drawable(text))


def _has(sign: str) -> bool:
    return sign.isascii() or any(ord(sign) in _signs(family) for family in families())


def _spelled(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode()
