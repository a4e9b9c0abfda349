"""Scores by person: clips of one person together, read from the clips' names (SECNet, Fig. 10)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reports.figures.fonts import shortened, shortened_apart
from reports.figures.style import MARKERS, Look, drawing, save
from reports.inputs.results import Grid
from reports.tables.layout import heading
from reports.tables.model import Column

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "||", "ooo", "//..", "++", "\\\\..", "OO")
# how data sets name the person: VoxCeleb's speaker, RAVDESS's actor (the last of seven numbers), VFHQ's video
_NAMES = (
    re.compile(r"(?:^|[^A-Za-z0-9])(id\d{4,})(?![0-9])"),
    re.compile(r"^(?:\d\d-){6}(\d\d)$"),
    re.compile(r"^Clip\+(.+?\+P\d+)\+C\d+\+F"),
)


def person_of(clip: str) -> str:
    """Who is in the clip, as its name says; a name that says nothing stands for a person of its own."""
    for pattern in _NAMES:
        match = pattern.search(clip)
        if match is not None:
            return match[1]
    return clip


@dataclass(frozen=True)
class PersonScores:
    """`values[method]` has one mean a person, NaN where a clip of theirs is missing."""

    persons: tuple[str, ...]
    values: Mapping[str, Floats]


def by_person(grid: Grid, metric: str, methods: Sequence[str]) -> PersonScores:
    """Mean over each person's clips; persons sorted by the mean over methods, the hardest first. Empty when
    nothing was measured."""
    if not methods or not grid.clips:
        return PersonScores((), {})
    owners = [person_of(clip) for clip in grid.clips]
    persons = sorted(set(owners))
    values = {}
    for method in methods:
        clips = grid.clip_values(method, metric)
        means = [clips[[o == person for o in owners]].mean() for person in persons]
        values[method] = np.array(means, dtype=np.float64)
    table = np.array(list(values.values()))
    count = (~np.isnan(table)).sum(axis=0)
    middle = np.where(count > 0, np.nansum(table, axis=0) / np.maximum(count, 1), np.inf)
    order = np.argsort(middle, kind="stable")
    return PersonScores(tuple(persons[i] for i in order), {m: v[order] for m, v in values.items()})


def draw_persons(
    scores: PersonScores,
    column: Column,
    titles: Mapping[str, str],
    looks: Mapping[str, Look],
    path: Path,
    formats: Sequence[str] = ("png",),
) -> list[Path]:
    """One group of bars a person, one bar a method; with many persons the bars become marks."""
    methods = [m for m in titles if m in scores.values]
    count = len(scores.persons)
    if not methods or not count:
        return []
    with drawing():
        from matplotlib.figure import Figure

        canvas = Figure(
            figsize=(min(11.0, 2.4 + 0.16 * count * max(2, len(methods))), 2.7), layout="constrained"
        )
        ax = canvas.subplots()
        x = np.arange(count, dtype=np.float64)
        crowded = count * len(methods) > 120
        width = 0.8 / len(methods)
        for place, method in enumerate(methods):
            look, values = looks[method], scores.values[method]
            if crowded:
                ax.plot(
                    x,
                    values,
                    ls="none",
                    marker=look.marker,
                    ms=4,
                    color=look.ink,
                    zorder=2 + look.above,
                    label=shortened(titles[method], 40),
                )
            else:
                at = x - 0.4 + (place + 0.5) * width
                bars = ax.bar(at, values, width * 0.92, color=look.ink, label=shortened(titles[method], 40))
                for bar in bars:
                    bar.set(hatch=_hatch(look), edgecolor="white", linewidth=0)
        _fit(ax, scores, methods)
        ax.set_ylabel(heading(column))
        if count <= 40:
            ax.set_xticks(
                x,
                shortened_apart(scores.persons, 24),
                rotation=0 if count <= 6 else 60,
                ha="center" if count <= 6 else "right",
            )
        else:
            ax.set_xticks([])
            ax.set_xlabel(f"{count} persons, the hardest first")
        ax.grid(axis="x", visible=False)
        canvas.legend(loc="outside right upper")
        return save(canvas, path, formats)


def _hatch(look: Look) -> str:
    """Bars of methods are distinguishable in greyscale too: one pattern a marker."""
    return HATCHES[MARKERS.index(look.marker) % len(HATCHES)] if look.marker in MARKERS else ""


def _fit(ax: Axes, scores: PersonScores, methods: Sequence[str]) -> None:
    """Bars start a little below the lowest, not at zero: differences are small against the values."""
    values = np.concatenate([scores.values[m] for m in methods])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0:
        span = float(values.max() - values.min()) or 1.0
        ax.set_ylim(max(0.0, float(values.min()) - 0.35 * span), float(values.max()) + 0.1 * span)
