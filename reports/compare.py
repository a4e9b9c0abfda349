"""`vfsrbench compare`: results of any origin side by side, without a board."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reports.inputs.results import read_results
from reports.material import AT, default_sources
from reports.tables.leaderboard import build_tables
from reports.tables.model import Table
from vfsrbench.board import Board, DatasetUse
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.results.load import StoredResult, latest


def compare(
    places: Sequence[Path],
    *,
    metrics: Sequence[str] = (),
    versus: str | None = None,
    change: Callable[[Board], Board] = lambda board: board,
) -> tuple[list[Table], list[str]]:
    """Tables of all results in these files and folders, one a split, and what was skipped and why.

    `metrics` picks columns (default: all that any result has); `versus` is the method that the others are
    tested against; `change` changes the board that the results make. The same method from two folders stays
    apart: its rows are called `name @ folder`, with as much of the folder's path as it takes to distinguish
    them. InputError when there are no results, or when they come from several data sets.
    """
    if not places:
        raise InputError("nothing to compare: name results files or folders")
    found, skipped = _read(places)
    if not found:
        why = f" ({skipped[0]})" if skipped else ""
        raise InputError(f"no results in {', '.join(map(str, places))}{why}")
    datasets = sorted({r.record.dataset for r in found})
    if len(datasets) > 1:
        raise InputError(f"results of different data sets cannot be compared: {', '.join(datasets)}")
    seeds = sorted({r.record.seed for r in found})
    if len(seeds) > 1:
        raise InputError(f"results of different seeds cannot be compared: {', '.join(map(str, seeds))}")
    if len({r.record.track for r in found} - {""}) > 1:
        raise InputError(
            "results of methods that are given a reference photograph cannot be compared with those of "
            "methods that are not"
        )
    known = tuple(dict.fromkeys(m for r in found for m in (*r.record.clip_values, *r.record.metrics)))
    for metric in metrics:
        if metric not in known:
            raise did_you_mean("metric of these results", metric, known)
    columns = tuple(metrics) or tuple(dict.fromkeys(m for r in found for m in r.record.clip_values))
    board = Board(
        name="compare",
        title="Comparison",
        version=1,
        dataset=DatasetUse(layout=datasets[0]),
        splits=tuple(sorted({r.record.split for r in found})),
        methods=tuple(dict.fromkeys(r.record.method for r in found)),
        metrics=columns or ("psnr",),
        seed=seeds[0],
        versus=versus,
    )
    return build_tables(change(board), found, default_sources(board, found)), skipped


def place_labels(places: Sequence[Path]) -> dict[Path, str]:
    """Each place once, by the shortest end of its path that no other has: `w1/results` and `w2/results`."""
    unique = {Path(os.path.realpath(p)): p for p in places}  # `resolve` raises where links go in circles
    ways = [way.parts for way in unique]
    for length in range(1, max(map(len, ways)) + 1):
        ends = ["/".join(way[-length:]) for way in ways]
        if len(set(ends)) == len(ends):
            break
    return dict(zip(unique.values(), ends, strict=True))


def _read(places: Sequence[Path]) -> tuple[list[StoredResult], list[str]]:
    """Results of each place; a method that two places have gets the place behind its name."""
    each, skipped = [], []
    labels = place_labels(places)
    for place in labels:
        results, problems = read_results([place])
        each.append((place, latest(results)))
        skipped += problems
    owners: dict[tuple[str, str, str], set[Path]] = {}
    for place, results in each:
        for r in results:
            owners.setdefault((r.record.split, r.record.method, r.record.clip), set()).add(place)
    shared = {method for (_, method, _), found in owners.items() if len(found) > 1}
    found = []
    for place, results in each:
        for r in results:
            if r.record.method in shared:
                name = {"method": f"{r.record.method}{AT}{labels[place]}"}
                title = {"method_title": f"{r.record.method_title or r.record.method}{AT}{labels[place]}"}
                r = replace(r, record=r.record.model_copy(update=name | title))
            found.append(r)
    return found, skipped
