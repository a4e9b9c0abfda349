"""Curves over time: a metric's value at each frame, all methods of a clip in one panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.figures.fonts import shortened
from reports.figures.legend import Legend, broken
from reports.figures.style import Look, drawing, save
from reports.inputs.results import Grid
from reports.tables.layout import heading
from reports.tables.model import Column, Threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

Floats = NDArray[np.float64]
MOST_PANELS = 4
PANEL_SIGNS = 24
"""Signs of a panel's title; longer names are shortened in the middle."""
THRESHOLD = "#B00020"
_MARKS_A_LINE = 6


@dataclass(frozen=True)
class Panel:
    """The curves of one clip: method -> one value a frame, NaN where there is none."""

    title: str
    series: Mapping[str, Floats]


@dataclass(frozen=True)
class Curves:
    """A figure: panels side by side on one scale.

    `titles` names the methods in the legend, in order; `reference_rows` do not stretch the scale: they are
    drawn if they lie near it, otherwise the legend says that they are beyond it.
    """

    column: Column
    panels: Sequence[Panel]
    titles: Mapping[str, str]
    looks: Mapping[str, Look]
    reference_rows: frozenset[str] = frozenset()
    heading: str = ""


@dataclass(frozen=True)
class Scale:
    """The axis from `low` to `high`, and the reference rows that lie beyond it."""

    low: float
    high: float
    beyond: frozenset[str] = frozenset()


def clip_panels(grid: Grid, metric: str, clips: Sequence[str]) -> list[Panel]:
    """One panel a clip, from the frame values of every job that ended well."""
    panels = []
    for clip in clips:
        found = {m: grid.cells[m, clip] for m in grid.methods if (m, clip) in grid.cells}
        series = {m: r.values[metric] for m, r in found.items() if metric in r.values}
        if series:
            panels.append(Panel(clip, series))
    return panels


def telling_clips(grid: Grid, metric: str, most: int = MOST_PANELS) -> list[str]:
    """All clips if they are few; otherwise those from the hardest to the easiest in equal steps of rank.

    How hard a clip is follows from the median of all methods on it.
    """
    values = np.array([grid.clip_values(m, metric) for m in grid.methods])
    known = [c for i, c in enumerate(grid.clips) if values.size and not np.isnan(values[:, i]).all()]
    if len(known) <= most:
        return known
    middle = {c: float(np.nanmedian(values[:, grid.clips.index(c)])) for c in known}
    order = sorted(known, key=lambda c: (middle[c], c))
    picks = np.linspace(0, len(order) - 1, most).round().astype(int)
    return [order[i] for i in picks]


def average_panel(grid: Grid, metric: str) -> Panel:
    """Frame t of the panel is the mean over all clips that have a frame t (SECNet, Fig. 11)."""
    series = {}
    for method in grid.methods:
        rows = [r.values[metric] for r in grid.done(method) if metric in r.values]
        if rows:
            series[method] = mean_over_clips(rows)
    return Panel("mean over clips", series)


def mean_over_clips(rows: Sequence[Floats]) -> Floats:
    """Mean at each frame over the clips that are long enough and have a value there; NaN if none has."""
    padded = np.full((len(rows), max(len(r) for r in rows)), np.nan)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    count = (~np.isnan(padded)).sum(axis=0)
    total = np.where(np.isnan(padded), 0.0, padded).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def draw_curves(curves: Curves, path: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Draw and write the figure; the paths written. Nothing is written when there is no panel."""
    if not curves.panels:
        return []
    with drawing():
        from matplotlib.figure import Figure

        count = len(curves.panels)
        width = 4.2 if count == 1 else 2.35 * count
        scale = find_scale(curves)
        legend = Legend(legend_handles(curves, scale), width, beyond(curves, scale))
        figure = Figure(figsize=(width, 2.2 + legend.high), layout="constrained")
        axes = figure.subplots(1, count, sharey=True, squeeze=False)[0]
        for ax, panel in zip(axes, curves.panels, strict=True):
            draw_panel(ax, panel, curves, scale)
        axes[0].set_ylabel(broken(heading(curves.column), 24))
        legend.draw(figure)
        if curves.heading:
            figure.suptitle(shortened(curves.heading, int(width * 16)), x=0.0, ha="left", fontsize=9.5)
        return save(figure, path, formats)


def find_scale(curves: Curves) -> Scale:
    """The scale that the methods and the metric's threshold need; reference rows widen it by a third at
    most."""
    own = [v for p in curves.panels for m, v in p.series.items() if m not in curves.reference_rows]
    low, high = _extremes(own or [v for p in curves.panels for v in p.series.values()])
    if curves.column.threshold is not None:
        low, high = min(low, curves.column.threshold.value), max(high, curves.column.threshold.value)
    pad = 0.06 * (high - low) or 0.5
    low, high = low - pad, high + pad
    if curves.column.threshold is not None:  # room for its words above it
        high = max(high, curves.column.threshold.value + 0.14 * (high - low))
    beyond = set()
    for row in sorted(curves.reference_rows):
        drawn = [p.series[row] for p in curves.panels if row in p.series]
        if not drawn:
            continue
        bottom, top = _extremes(drawn, keep_infinite=True)
        if top <= high + (high - low) / 3 and bottom >= low - (high - low) / 3:
            low, high = min(low, bottom - pad), max(high, top + pad)
        else:
            beyond.add(row)
    return Scale(low, high, frozenset(beyond))


def _extremes(rows: Sequence[Floats], keep_infinite: bool = False) -> tuple[float, float]:
    values = np.concatenate(rows) if rows else np.empty(0)
    values = values[~np.isnan(values)] if keep_infinite else values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)


def draw_panel(ax: Axes, panel: Panel, curves: Curves, scale: Scale) -> None:
    """One clip's curves on `ax`. Marks are shifted from line to line so that they do not hide each other."""
    from matplotlib.ticker import MaxNLocator

    shown = [m for m in curves.titles if m in panel.series and m not in scale.beyond]
    for place, method in enumerate(shown):
        values, look = panel.series[method], curves.looks[method]
        step = max(1, math.ceil(len(values) / _MARKS_A_LINE))
        ax.plot(
            np.arange(len(values)),
            np.where(np.isfinite(values), values, np.nan),
            color=look.ink,
            linestyle=look.linestyle,
            linewidth=look.width,
            marker=look.marker,
            markersize=look.marker_points,
            markevery=(place * step // max(1, len(shown)), step),
            markeredgecolor="white",
            label=curves.titles[method],
            zorder=3 - 0.01 * place + look.above if method not in curves.reference_rows else 1.5,
        )
    if curves.column.threshold is not None:
        _draw_threshold(ax, curves.column.threshold, panel, scale)
    ax.set_ylim(scale.low, scale.high)
    ax.set_title(shortened(panel.title, PANEL_SIGNS))
    ax.set_xlabel("frame")
    ax.margins(x=0.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_threshold(ax: Axes, threshold: Threshold, panel: Panel, scale: Scale) -> None:
    """A line across the panel, and what lies beyond it, at the end where fewer curves run."""
    right = _crowd(panel, threshold, scale, last=True) <= _crowd(panel, threshold, scale, last=False)
    ax.axhline(threshold.value, color=THRESHOLD, lw=1.0, ls=(0, (6, 2)), zorder=1.8)
    ax.annotate(
        threshold.beyond,
        (0.985 if right else 0.015, threshold.value),
        (0, 3),
        xycoords=ax.get_yaxis_transform(),
        textcoords="offset points",
        ha="right" if right else "left",
        va="bottom",
        fontsize=7.5,
        color=THRESHOLD,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
    )


def _crowd(panel: Panel, threshold: Threshold, scale: Scale, last: bool) -> int:
    """How many values of a panel's first or last third lie where the threshold's words are."""
    room = threshold.value, threshold.value + 0.14 * (scale.high - scale.low)
    found = 0
    for method, values in panel.series.items():
        third = max(1, len(values) // 3)
        end = values[-third:] if last else values[:third]
        if method not in scale.beyond:
            found += int(((end >= room[0]) & (end <= room[1])).sum())
    return found


def legend_handles(curves: Curves, scale: Scale) -> list[Line2D]:
    """One line of the legend for each method drawn."""
    from matplotlib.lines import Line2D

    handles = []
    for method, title in curves.titles.items():
        if method in scale.beyond or not any(method in p.series for p in curves.panels):
            continue
        look = curves.looks[method]
        line = Line2D([], [], color=look.ink, linestyle=look.linestyle, marker=look.marker, label=title)
        line.set(markeredgecolor="white", markersize=look.marker_points, linewidth=look.width)
        handles.append(line)
    return handles


def beyond(curves: Curves, scale: Scale) -> str:
    """Which reference rows are not drawn because they lie too far away; empty if all are."""
    names = ", ".join(t for m, t in curves.titles.items() if m in scale.beyond)
    return f"beyond the scale: {names}" if names else ""
