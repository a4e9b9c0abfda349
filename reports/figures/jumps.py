"""A score over time with its worst jump: where a method's face suddenly becomes someone else's.

After KEEP's Fig. 7: one clip, all methods, and the two frames between which the score jumps most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.figures.curves import Curves, Scale, beyond, draw_panel, find_scale, legend_handles
from reports.figures.fonts import shortened
from reports.figures.legend import Legend, broken
from reports.figures.style import drawing, save
from reports.tables.layout import heading, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
REACH = 5
"""A jump may take this many frames: the paper speaks of a change within several frames."""
MARK = "#1A1A1A"
_CURVE = 4.6  # inches


@dataclass(frozen=True)
class Jump:
    """The largest change of a score within `REACH` frames, from frame `first` to frame `last`."""

    method: str
    first: int
    last: int
    size: float


def worst_jump(series: Mapping[str, Floats], reach: int = REACH) -> Jump | None:
    """The largest change of any method; of equal ones the shortest, then the earliest. None if none has two
    values near each other."""
    best: Jump | None = None
    for method, values in series.items():
        for gap in range(1, min(reach, len(values) - 1) + 1):
            steps = np.abs(values[gap:] - values[:-gap])
            if not np.isfinite(steps).any():
                continue
            first = int(np.nanargmax(np.where(np.isfinite(steps), steps, np.nan)))
            if best is None or steps[first] > best.size:
                best = Jump(method, first, first + gap, float(steps[first]))
    return best


@dataclass(frozen=True)
class JumpFigure:
    """`curves` has the one panel to draw; `pictures`: title -> the frames before and after the jump, uint8
    RGB. Titles that lack one of them are not shown."""

    curves: Curves
    jump: Jump
    pictures: Mapping[str, Sequence[Pixels]]


def draw_jump(figure: JumpFigure, path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Draw and write the figure; the paths written. Without pictures the curves stand alone."""
    pair = (figure.jump.first, figure.jump.last)
    shown = {title: both for title, both in figure.pictures.items() if len(both) == 2}
    scale = find_scale(figure.curves)
    with drawing():
        from matplotlib.figure import Figure

        wide = 1.4 * len(shown)
        legend = Legend(legend_handles(figure.curves, scale), _CURVE, beyond(figure.curves, scale))
        canvas = Figure(figsize=(_CURVE + wide, 2.6 + legend.high), layout="constrained")
        if not shown:
            _draw_curve(canvas, figure, scale, legend)
        else:
            parts = canvas.subfigures(1, 2, width_ratios=(_CURVE, wide), wspace=0.02, squeeze=False)
            left, right = np.asarray(parts).ravel()
            _draw_curve(left, figure, scale, legend)
            _draw_pictures(right, shown, pair)
        return save(canvas, path, formats)


def _draw_curve(canvas: FigureBase, figure: JumpFigure, scale: Scale, legend: Legend) -> None:
    ax: Axes = canvas.subplots()
    draw_panel(ax, figure.curves.panels[0], figure.curves, scale)
    values = figure.curves.panels[0].series[figure.jump.method]
    top = ax.get_xaxis_transform()
    for frame, side in ((figure.jump.first, "right"), (figure.jump.last, "left")):
        ax.axvline(frame, color=MARK, lw=0.9, zorder=2)
        ax.plot([frame], [values[frame]], marker="o", ms=8, mfc="none", mec=MARK, mew=1.2, zorder=5)
        ax.text(frame, 1.0, f" {frame} ", transform=top, ha=side, va="bottom", fontsize=7.5, color=MARK)
    column = figure.curves.column
    first, last = (number(values[f], column.digits) for f in (figure.jump.first, figure.jump.last))
    name = figure.curves.titles[figure.jump.method]
    text = f"worst jump: {name}, frame {figure.jump.first} to {figure.jump.last}, {first} to {last}"
    ax.set_title(shortened(figure.curves.panels[0].title, 60), pad=12)
    ax.set_xlabel(f"frame\n{broken(text, 70)}")
    ax.set_ylabel(heading(column))
    legend.draw(canvas)


def _draw_pictures(canvas: FigureBase, shown: Mapping[str, Sequence[Pixels]], pair: tuple[int, int]) -> None:
    axes = canvas.subplots(2, len(shown), squeeze=False)
    for column, (title, both) in enumerate(shown.items()):
        for row, (frame, picture) in enumerate(zip(pair, both, strict=True)):
            ax = axes[row][column]
            ax.imshow(picture, interpolation="nearest")
            ax.set_anchor("N" if row else "S")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            if row == 0:
                ax.set_title(broken(title, 18), fontsize=7.5, fontweight="normal", loc="center")
            for side in ax.spines.values():
                side.set_visible(False)
            if column == 0:
                ax.set_ylabel(f"frame {frame}")
