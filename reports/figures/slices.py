"""Temporal column slices: one column of every frame side by side, all methods under each other.

Flicker and jitter show as ragged or broken horizontal lines (KEEP, Fig. 5). Time is enlarged by
repeating columns, never by smoothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.figures.fonts import shortened
from reports.figures.legend import broken
from reports.figures.style import Look, drawing, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vfsrbench.results.slice_store import TruthStrip

Frames = NDArray[np.uint8]
LINE = "#E8112D"
_LABEL_SIGNS = 17  # in a line of a label
# inches
_EDGE, _FRAME, _LABEL, _STRIP, _LINE, _GAP, _HEAD, _FOOT = 0.05, 2.5, 1.4, 4.4, 0.62, 0.07, 0.32, 0.3


@dataclass(frozen=True)
class SliceFigure:
    """What a slice figure shows: the ground truth's strip, the degraded one's, one for each method.

    `strips` maps titles to (H, T, 3) uint8 strips in the order of the figure; a strip that is less high
    than the ground truth's (a degraded clip's) is enlarged without smoothing. `looks` colours the labels
    of those titles it has. `first` is the title of `truth`'s own strip.
    """

    clip: str
    split: str
    truth: TruthStrip
    strips: Mapping[str, Frames]
    looks: Mapping[str, Look]
    first: str = "Ground truth"


def crop(strip: Frames, rows: tuple[int, int], of_height: int) -> Frames:
    """The rows (given in `of_height` rows) of a strip that may be less high, enlarged to match."""
    first, last = rows
    if len(strip) == of_height:
        return strip[first:last]
    lines = (np.arange(first, last) * len(strip)) // of_height
    return strip[lines]


def enlarge(strip: Frames, width: int) -> Frames:
    """Time stretched to about `width` pixels by repeating each column equally often."""
    return np.repeat(strip, max(1, round(width / strip.shape[1])), axis=1)


def draw_slices(figure: SliceFigure, path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Draw and write the figure; the paths written."""
    rows = {figure.first: figure.truth.strip, **figure.strips}
    width = _EDGE + _FRAME + _LABEL + _STRIP + _EDGE
    height = _HEAD + max(len(rows) * (_LINE + _GAP), _FRAME + 0.4) + _FOOT
    with drawing():
        from matplotlib.figure import Figure

        canvas = Figure(figsize=(width, height))

        def place(left: float, top: float, wide: float, high: float) -> Axes:
            ax = canvas.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
            ax.set_axis_off()
            return ax

        canvas.text(
            _EDGE / width,
            1 - 0.12 / height,
            shortened(f"{figure.clip}, {figure.split}", 85),
            va="center",
            size=9.5,
        )
        _mark_column(place(_EDGE, _HEAD, _FRAME, _FRAME), figure.truth)
        top = _HEAD
        for title, strip in rows.items():
            ax = place(_EDGE + _FRAME + _LABEL, top, _STRIP, _LINE)
            _draw_strip(ax, title, crop(strip, figure.truth.rows, len(figure.truth.strip)), figure.looks)
            top += _LINE + _GAP
        last = figure.truth.strip.shape[1] - 1
        for x, text in ((0.0, "frame 0"), (1.0, f"frame {last}")):
            ax.text(x, -0.12, text, transform=ax.transAxes, ha="left" if x == 0 else "right", va="top")
        return save(canvas, path, formats)


def _draw_strip(ax: Axes, title: str, strip: Frames, looks: Mapping[str, Look]) -> None:
    ax.imshow(enlarge(strip, 600), aspect="auto", interpolation="nearest")
    look = looks.get(title)
    strong = look is not None and look.weight == "strong"
    label = ax.text(-0.028, 0.5, broken(title, _LABEL_SIGNS), transform=ax.transAxes, ha="right", va="center")
    label.set(linespacing=1.1, fontweight="bold" if strong else "normal")
    if look is None:
        return
    ax.plot(
        [-0.014, -0.014], [0, 1], color=look.ink, lw=5 if strong else 3, transform=ax.transAxes, clip_on=False
    )
    if strong:
        for side in ([0, 0], [1, 1]):
            ax.plot([0, 1], side, color=look.ink, lw=1.6, transform=ax.transAxes, clip_on=False)
            ax.plot(side, [0, 1], color=look.ink, lw=1.6, transform=ax.transAxes, clip_on=False)


def _mark_column(ax: Axes, truth: TruthStrip) -> None:
    """The middle frame with the column as a line, its shown part bright."""
    height, width = truth.frame.shape[:2]
    first, last = truth.rows
    ax.imshow(truth.frame)
    ax.plot([truth.column] * 2, [0, height - 1], color=LINE, lw=0.7, ls=(0, (2, 2)))
    ax.plot([truth.column] * 2, [first, last - 1], color=LINE, lw=2.0)
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    text = f"column {truth.column}, rows {first} to {last - 1}" + (f"\n{truth.where}" if truth.where else "")
    ax.text(0, -0.04, text, transform=ax.transAxes, va="top")
