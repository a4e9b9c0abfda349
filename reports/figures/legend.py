"""Words on figures: names broken into lines, and legends that fit the figure they stand under."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.figures.fonts import shortened

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase
    from matplotlib.lines import Line2D

# of a legend in our style
_POINTS_A_SIGN, _POINTS_A_HANDLE, _INCHES_A_LINE = 4.1, 44.0, 0.16


MOST_LINES = 4


def broken(text: str, signs: int) -> str:
    """The text in lines of at most so many signs, broken between words where there are any; what takes more
    than `MOST_LINES` is shortened."""
    text = shortened(text, MOST_LINES * signs)
    return "\n".join(textwrap.wrap(text, signs)) or text


class Legend:
    """A legend under everything else, in as many columns as a figure `inches` wide has room for.

    `note` stands above its entries. `high` is what it takes of the figure's height, in inches. Names that
    are wider than the figure are broken.
    """

    def __init__(self, handles: Sequence[Line2D], inches: float, note: str = "") -> None:
        room = 72 * inches
        self.handles = list(handles)
        for handle in self.handles:
            handle.set_label(broken(str(handle.get_label()), int((room - _POINTS_A_HANDLE) / _POINTS_A_SIGN)))
        labels = [str(h.get_label()).split("\n") for h in self.handles]
        widest = max((len(line) for lines in labels for line in lines), default=1)
        fitting = int(room / (_POINTS_A_HANDLE + _POINTS_A_SIGN * widest))
        self.columns = max(1, min(fitting, len(self.handles)))
        self.note = broken(note, int(room / _POINTS_A_SIGN))
        rows = math.ceil(sum(map(len, labels)) / self.columns) + len(self.note.split("\n")) * bool(note)
        self.high = _INCHES_A_LINE * rows

    def draw(self, canvas: FigureBase) -> None:
        """Put it on a figure that has a constrained layout."""
        made = canvas.legend(
            handles=self.handles,
            loc="outside lower left",
            ncols=self.columns,
            title=self.note or None,
            alignment="left",
        )
        made.get_title().set(fontsize=7.5, color="#555555")
