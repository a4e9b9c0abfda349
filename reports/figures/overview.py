"""Figures over whole splits: a metric against the level of degradation, and quality against speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.fonts import shortened, shortened_apart
from reports.figures.style import Look, drawing, save
from reports.tables.layout import heading
from reports.tables.model import Column, Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_levels(
    tables: Sequence[Table],
    metrics: Sequence[str],
    looks: Mapping[str, Look],
    path: Path,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """Each metric over the splits in the board's order, with 95 % intervals (KEEP, Fig. 9a).

    Incomplete cells leave a gap; reference rows are left out. Nothing is written for fewer than two splits.
    """
    columns = [c for m in metrics for c in tables[0].columns if c.id == m] if len(tables) > 1 else []
    if not columns:
        return []
    titles = {r.method: r.title for t in tables for r in t.rows if not r.is_reference}
    with drawing():
        from matplotlib.figure import Figure

        canvas = Figure(figsize=(2.7 * len(columns) + 1.9, 2.7), layout="constrained")
        axes = canvas.subplots(1, len(columns), squeeze=False)[0]
        for ax, column in zip(axes, columns, strict=True):
            _draw_level(ax, tables, column, titles, looks)
        handles, labels = axes[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside right upper")
        return save(canvas, path, formats)


def _draw_level(
    ax: Axes, tables: Sequence[Table], column: Column, titles: Mapping[str, str], looks: Mapping[str, Look]
) -> None:
    spread = 0.24 / max(1, len(titles) - 1)
    for place, (method, title) in enumerate(titles.items()):
        cells = [next((r.cells[column.id] for r in t.rows if r.method == method), None) for t in tables]
        means = [float("nan") if c is None or c.value is None else c.value for c in cells]
        x = [i - 0.12 + place * spread for i in range(len(tables))]
        look = looks[method]
        for at, cell in zip(x, cells, strict=True):
            if cell is not None and cell.summary.interval is not None:
                bounds = cell.summary.interval
                ax.plot([at, at], [bounds.low, bounds.high], color=look.ink, lw=0.8, alpha=0.6)
        ax.plot(
            x,
            means,
            color=look.ink,
            linestyle=look.linestyle,
            linewidth=look.width,
            zorder=2 + look.above,
            marker=look.marker,
            markersize=look.marker_points,
            markeredgecolor="white",
            label=shortened(title, 40),
        )
    ax.set_xticks(range(len(tables)), shortened_apart([t.split for t in tables], 20))
    ax.set_xlim(-0.3, len(tables) - 0.7)
    ax.set_title(heading(column))


def draw_speed(
    table: Table,
    metric: str,
    looks: Mapping[str, Look],
    path: Path,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """A metric against frames a second, size of the mark by the number of parameters.

    The line joins methods that no other is better than in both (the Pareto front). Nothing is
    written when no method was timed.
    """
    column = next((c for c in table.columns if c.id == metric), None)
    rows = [
        r
        for r in table.rows
        if not r.is_reference and r.speed and column and r.cells[metric].value is not None
    ]
    if column is None or not rows:
        return []
    points = {r.method: (float(r.speed or 0), float(r.cells[metric].value or 0)) for r in rows}
    with drawing():
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        canvas = Figure(figsize=(6.2, 3.1), layout="constrained")
        ax = canvas.subplots()
        front = best_of_both(points, column.direction)
        ax.step(
            [points[m][0] for m in front],
            [points[m][1] for m in front],
            where="pre",
            color="#B5B5B5",
            lw=1.0,
            zorder=1,
        )
        for row in rows:
            _draw_point(ax, row, points[row.method], looks[row.method])
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0.08, y=0.12)
        ax.set_xlabel("frames a second")
        ax.set_ylabel(heading(column))
        ax.set_title(shortened(table.split, 60))
        canvas.legend(loc="outside right upper")
        return save(canvas, path, formats)


def _draw_point(ax: Axes, row: Row, point: tuple[float, float], look: Look) -> None:
    size = 34.0 if row.parameters is None else 30.0 + 12.0 * (row.parameters / 1e6) ** 0.5
    ax.scatter(
        [point[0]],
        [point[1]],
        s=size * (look.marker_points / 5) ** 2,
        color=look.ink,
        marker=look.marker,
        edgecolor="white",
        label=shortened(row.title, 40),
        zorder=3 + look.above,
    )


def best_of_both(points: Mapping[str, tuple[float, float]], direction: str) -> list[str]:
    """Methods that none is better than in speed and quality together, from the slowest to the fastest."""
    sign = -1.0 if direction == "lower" else 1.0
    best, front = float("-inf"), []
    for method in sorted(points, key=lambda m: (-points[m][0], -sign * points[m][1])):
        quality = sign * points[method][1]
        if quality > best:
            best = quality
            front.append(method)
    return front[::-1]
