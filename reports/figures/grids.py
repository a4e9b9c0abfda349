"""Pictures side by side with a magnified detail: how methods differ, to look at (KEEP, Figs. 4 and 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.figures.fonts import shortened
from reports.figures.legend import broken
from reports.figures.style import drawing, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int]
MARK = "#E8112D"
_ZOOM_PART = 5  # a detail is a fifth of the picture wide
# inches
_SIDE, _GAP, _HEAD, _LABEL = 1.35, 0.05, 0.36, 0.3
_ROW = 2 * _SIDE + 3 * _GAP


@dataclass(frozen=True)
class GridRow:
    """One frame: `pictures` by title, uint8 RGB, all of one size but a smaller degraded one."""

    label: str
    pictures: Mapping[str, Pixels]


def enlarge(picture: Pixels, height: int, width: int) -> Pixels:
    """A smaller picture at full size, pixels repeated."""
    if picture.shape[:2] == (height, width):
        return picture
    rows = np.arange(height) * picture.shape[0] // height
    columns = np.arange(width) * picture.shape[1] // width
    return picture[rows][:, columns]


def telling_box(pictures: Sequence[Pixels]) -> Box:
    """Where the pictures differ most, in the middle part: (left, top, side) of a square."""
    stack = np.stack([p.mean(axis=2) for p in pictures])
    height, width = stack.shape[1:]
    side = max(2, min(height, width) // _ZOOM_PART)
    spread = stack.std(axis=0)
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = spread.cumsum(axis=0).cumsum(axis=1)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    top0, left0 = height // 6, width // 6
    inner = sums[top0 : height - side - top0 + 1, left0 : width - side - left0 + 1]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(left) + left0, int(top) + top0, side


@dataclass(frozen=True)
class _Sheet:
    """A figure's size in inches, and where its pictures go."""

    wide: float
    high: float

    def place(self, canvas: Figure, column: int, top: float) -> Axes:
        left = _LABEL + column * (_SIDE + _GAP)
        bottom = self.high - top - _SIDE
        ax = canvas.add_axes((left / self.wide, bottom / self.high, _SIDE / self.wide, _SIDE / self.high))
        ax.set_axis_off()
        return ax


def draw_grid(rows: Sequence[GridRow], path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Rows of pictures, each with its detail beneath; the detail is the same for all of a row."""
    titles = list(dict.fromkeys(t for row in rows for t in row.pictures))
    if not titles:
        return []
    sheet = _Sheet(_LABEL + len(titles) * (_SIDE + _GAP), _HEAD + len(rows) * _ROW)
    with drawing():
        from matplotlib.figure import Figure

        canvas = Figure(figsize=(sheet.wide, sheet.high))
        for i, row in enumerate(rows):
            top = _HEAD + i * _ROW
            middle = 1 - (top + _SIDE) / sheet.high
            canvas.text(
                0.4 * _LABEL / sheet.wide,
                middle,
                shortened(row.label, 34),
                rotation=90,
                va="center",
                ha="center",
            )
            _draw_row(canvas, sheet, row, titles, top)
        for j, title in enumerate(titles):
            name = broken(title, 20)
            canvas.axes[j].set_title(name, fontsize=8, fontweight="normal", loc="center", pad=4)
        return save(canvas, path, formats)


def _draw_row(canvas: Figure, sheet: _Sheet, row: GridRow, titles: Sequence[str], top: float) -> None:
    """The whole pictures of a row first, then the details, so that a row's axes come in this order."""
    height, width = max(p.shape[:2] for p in row.pictures.values())
    full = {t: enlarge(p, height, width) for t, p in row.pictures.items()}
    left, above, side = telling_box(list(full.values()))
    from matplotlib.patches import Rectangle

    for j, title in enumerate(titles):
        ax = sheet.place(canvas, j, top)
        if title in full:
            ax.imshow(full[title], interpolation="antialiased", aspect="auto")
            ax.add_patch(Rectangle((left, above), side, side, fill=False, edgecolor=MARK, linewidth=1.2))
    for j, title in enumerate(titles):
        if title in full:
            detail = full[title][above : above + side, left : left + side]
            sheet.place(canvas, j, top + _SIDE + _GAP).imshow(detail, interpolation="nearest", aspect="auto")
