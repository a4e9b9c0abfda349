"""Where to look first: the worst results, the clips on which methods disagree most, the worst jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.figures.jumps import worst_jump
from reports.inputs.results import Grid
from reports.tables.layout import number
from reports.tables.model import Column, Table

MOST = 8
MOST_A_METHOD = 2


@dataclass(frozen=True)
class Find:
    """Something worth seeing: which method's result of which clip, and from which frame on."""

    method: str
    clip: str
    text: str
    frame: int = 0


def worst_results(table: Table, grid: Grid, column: Column, most: int = MOST) -> list[Find]:
    """Results furthest below what the methods reach on that clip in the median: hard clips do not crowd out
    the failures, nor does one weak method (`MOST_A_METHOD`)."""
    rivals = [r.method for r in table.rows if not r.is_reference]
    values = np.array([grid.clip_values(m, column.id) for m in rivals])
    if not values.size:
        return []
    sign = -1.0 if column.direction == "lower" else 1.0
    middle = np.array([np.median(v[np.isfinite(v)]) if np.isfinite(v).any() else np.nan for v in values.T])
    gap = sign * (values - middle)
    order = [
        i for i in np.argsort(gap, axis=None, kind="stable") if np.isfinite(gap.flat[i]) and gap.flat[i] < 0
    ]
    found: list[Find] = []
    for i in order:
        m, c = np.unravel_index(i, gap.shape)
        if len(found) == most:
            break
        if sum(f.method == rivals[int(m)] for f in found) == MOST_A_METHOD:
            continue
        own, usual = (number(float(v), column.digits) for v in (values[m, c], middle[c]))
        found.append(Find(rivals[int(m)], grid.clips[int(c)], f"{own}, median {usual}"))
    return found


def disagreements(table: Table, grid: Grid, column: Column, most: int = MOST) -> list[Find]:
    """Clips on which the best and the worst method are furthest apart."""
    rivals = [r for r in table.rows if not r.is_reference]
    values = np.array([grid.clip_values(r.method, column.id) for r in rivals])
    if len(rivals) < 2:
        return []
    sign = -1.0 if column.direction == "lower" else 1.0
    found = []
    for i, clip in enumerate(grid.clips):
        known = [j for j in range(len(rivals)) if np.isfinite(values[j, i])]
        if len(known) < 2:
            continue
        best = max(known, key=lambda j: sign * values[j, i])
        last = min(known, key=lambda j: sign * values[j, i])
        high, low = (number(float(values[j, i]), column.digits) for j in (best, last))
        text = f"{rivals[best].title} {high}, {rivals[last].title} {low}"
        found.append((abs(values[best, i] - values[last, i]), Find(rivals[last].method, clip, text)))
    found.sort(key=lambda pair: (-pair[0], pair[1].clip))
    return [find for _, find in found[:most]]


def jumps(table: Table, grid: Grid, column: Column, most: int = MOST) -> list[Find]:
    """The worst jump of each method, the largest first."""
    found = []
    for row in table.rows:
        if row.is_reference:
            continue
        best = None
        for result in grid.done(row.method):
            series = result.values.get(column.id)
            jump = None if series is None else worst_jump({row.method: series})
            if jump is not None and (best is None or jump.size > best[0].size):
                best = jump, result.record.clip, series
        if best is not None:
            jump, clip, series = best
            assert series is not None
            a, b = (number(float(series[f]), column.digits) for f in (jump.first, jump.last))
            text = f"{a} to {b}, frames {jump.first} to {jump.last}"
            found.append((jump.size, Find(row.method, clip, text, jump.first)))
    found.sort(key=lambda pair: (-pair[0], pair[1].method))
    return [find for _, find in found[:most]]
