"""`vfsrbench compare`: results of any origin side by side, without a board."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reports.inputs.bundled import fitting, read_bundles, split_values_of, verdicts_of, with_bundles
from reports.inputs.noted_boards import noted_rules
from reports.inputs.results import AT, Grid, read_results
from reports.inputs.same_frames import join_same_frames
from reports.material import default_sources
from reports.tables.leaderboard import build_tables
from reports.tables.model import Table
from reports.tables.shown.needed import needed_notes
from vfsrbench import plugins
from vfsrbench.board import Board, DatasetUse
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.results.board_note import TableRules
from vfsrbench.results.load import StoredResult, latest

USUAL = ("psnr", "ssim")
"""Columns that come first where no board says so."""


def compare(
    places: Sequence[Path],
    *,
    metrics: Sequence[str] = (),
    versus: str | None = None,
    change: Callable[[Board], Board] = lambda board: board,
    bundles: Sequence[str | Path] = (),
    dataset: str | None = None,
    seed: int | None = None,
) -> tuple[list[Table], list[str]]:
    """Tables of all results in these files and folders, one a split, and what was skipped and why.

    `metrics` picks columns (default: all that any result has); `versus` is the method that the others are
    tested against; `change` changes the board that the results make. Rows, columns and means are those of the
    boards that the results were made for, where their workspaces note them; else rows are in the order of the
    first metric. Outputs scored without a split go where the same frames are. A method that two folders have
    stays apart: its rows are called `name @ folder`, with as much of the folder's path as it takes to
    distinguish them. So are those that `bundles` have: results of them that do not fit the first source's
    protocol (recipes, seed, ground truth) are skipped, with the reason. `dataset` and `seed` take the results
    of one data set, by its name, and of one seed alone. InputError when there are no results, or when they
    come from several data sets or seeds.
    """
    others = read_bundles(bundles)
    if not places and not others:
        raise InputError("nothing to compare: name results files or folders, or a --bundle")
    found, skipped = _read(places) if places else ([], [])
    if others:
        taken, unfit = fitting(found, others)
        found, unlike = with_bundles(found, others, taken=taken)
        skipped += [*unfit, *unlike]
    if not found:
        why = f" ({skipped[0]})" if skipped else ""
        raise InputError(f"no results in {', '.join(map(str, [*places, *bundles]))}{why}")
    found = _of_one(found, "dataset", "data set", dataset)
    found = _of_one(found, "seed", "seed", seed)
    if len({r.record.track for r in found} - {""}) > 1:
        raise InputError(
            "results of methods that are given a reference photograph cannot be compared with those of "
            "methods that are not"
        )
    known = tuple(dict.fromkeys(m for r in found for m in (*r.record.clip_values, *r.record.metrics)))
    named = plugins.metrics().named
    metrics = [metric if metric in known else named(metric) for metric in metrics]
    for metric in metrics:
        if metric not in known:
            raise did_you_mean("metric of these results", metric, known)
    splits = {r.record.split for r in found}
    rules = noted_rules(places, splits) or next((TableRules.of(other.board) for other in others), None)
    board = _board(found, rules, metrics, versus)
    sources = default_sources(board, found)
    values = split_values_of(others, found, sources.cards)
    sources = replace(sources, split_values=values, verdicts=verdicts_of(others, found))
    tables = build_tables(change(board), found, sources)
    return [_with_sizes(table, found) for table in tables], skipped


def _of_one(
    found: Sequence[StoredResult], name: str, noun: str, chosen: str | int | None
) -> list[StoredResult]:
    """The results of one of several data sets or seeds. InputError if there is none of it, or several and
    none is chosen."""
    there = sorted({getattr(r.record, name) for r in found})
    if chosen is not None and chosen not in there:
        raise did_you_mean(f"{noun} of these results", str(chosen), map(str, there))
    if chosen is None and len(there) > 1:
        listed = ", ".join(map(str, there))
        raise InputError(
            f"results of different {noun}s cannot be compared: {listed}; --{name} takes those of one"
        )
    return [r for r in found if chosen is None or getattr(r.record, name) == chosen]


def _with_sizes(table: Table, found: Sequence[StoredResult]) -> Table:
    """The table with what is to be said of the number of its clips."""
    grid = Grid.of(found, table.split, [row.method for row in table.rows], table.clips)
    return replace(table, notes=(*table.notes, *needed_notes(table, grid)))


def _board(
    found: Sequence[StoredResult], rules: TableRules | None, metrics: Sequence[str], versus: str | None
) -> Board:
    """A board of these results, ordered as the boards they come from, else by their first metric."""
    columns = dict.fromkeys(m for r in found for m in r.record.clip_values)
    first = rules.metrics if rules else USUAL
    shown = tuple(metrics) or (*(m for m in first if m in columns), *(m for m in columns if m not in first))
    methods = list(dict.fromkeys(r.record.method for r in found))
    if rules:
        places = {m: i for i, m in enumerate(rules.methods)}
        methods.sort(key=lambda m: places.get(m.partition(AT)[0], len(places)))
    splits = dict.fromkeys(r.record.split for r in found)
    known = [s for s in rules.splits if s in splits] if rules else []
    comparing = [m for m in shown if not _is_gameable(m)]
    return Board(
        name="compare",
        title="Comparison",
        version=1,
        dataset=DatasetUse(layout=found[0].record.dataset),
        splits=(*known, *sorted(s for s in splits if s not in known)),
        methods=tuple(methods),
        metrics=shown or ("psnr",),
        seed=found[0].record.seed,
        average=rules.average if rules else "clips",
        sort_by=rules.sort_by if rules else next(iter(comparing), None),
        versus=versus,
    )


def _is_gameable(metric: str) -> bool:
    card = plugins.metrics().cards.get(metric)
    return card is None or card.gameable


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
    """Results of each place, those without a split where their frames are; a method that two places have gets
    the place behind its name."""
    each: list[list[StoredResult]] = []
    skipped: list[str] = []
    labels = place_labels(places)
    for place in labels:
        results, problems = read_results([place])
        each.append(latest(results))
        skipped += problems
    each = [latest(results) for results in join_same_frames(each)]
    owners: dict[tuple[str, str, str], set[Path]] = {}
    for place, results in zip(labels, each, strict=True):
        for r in results:
            owners.setdefault((r.record.split, r.record.method, r.record.clip), set()).add(place)
    shared = {method for (_, method, _), found in owners.items() if len(found) > 1}
    found = []
    for place, results in zip(labels, each, strict=True):
        for r in results:
            if r.record.method in shared:
                name = {"method": f"{r.record.method}{AT}{labels[place]}"}
                title = {"method_title": f"{r.record.method_title or r.record.method}{AT}{labels[place]}"}
                r = replace(r, record=r.record.model_copy(update=name | title))
            found.append(r)
    return found, skipped
