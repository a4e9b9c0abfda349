"""Do the tables, the licences and the environment follow from the results?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.bundles import schema
from reports.bundles.reading import Bundle
from reports.bundles.schema import CellClaim, RowClaim
from reports.sharing.checks.findings import Finding, Known, number, same
from reports.sharing.claims import recomputed
from reports.sharing.summaries import environment_of, licences_of


def check_tables(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """What of the claims does not follow from the results."""
    summaries = {schema.LICENCES: licences_of, schema.ENVIRONMENT: environment_of}
    for name, made in summaries.items():
        if schema.from_json(bundle.archive.read(name), name) != made(bundle.results):
            yield Finding(f"{name} does not follow from the results")
    found = {(row.split, row.method): row for row in recomputed(bundle, known.cards).rows}
    claimed = {(row.split, row.method): row for row in bundle.table.rows}
    for where in sorted(found.keys() - claimed.keys()):
        yield Finding(f"the table leaves out {where[1]} on {where[0]}, of which it has results")
    for where, row in claimed.items():
        if where not in found:
            yield Finding("no results are there for this row", where)
        else:
            yield from (Finding(text, where, problem) for text, problem in _row(row, found[where], known))


def _row(claimed: RowClaim, found: RowClaim, known: Known) -> Iterator[tuple[str, bool]]:
    for name in ("title", "reference_row", "done", "total"):
        if getattr(claimed, name) != getattr(found, name):
            yield f"{name} {getattr(claimed, name)} is claimed, {getattr(found, name)} follows", True
    cards = known.cards
    for metric in sorted(claimed.cells.keys() | found.cells.keys()):
        if metric not in claimed.cells or metric not in found.cells:
            yield f"{metric}: is claimed and does not follow, or follows and is not claimed", True
            continue
        for text in _cell(claimed.cells[metric], found.cells[metric]):
            yield f"{metric}: {text}", True
        if metric in cards and cards[metric].level == "split" and claimed.cells[metric].mean is not None:
            yield f"{metric}: is over the whole split, from features that are not in a bundle", False


def _cell(claimed: CellClaim, found: CellClaim) -> Iterator[str]:
    """How a claimed cell differs from what follows."""
    for name in ("mean", "low", "high"):
        theirs, ours = getattr(claimed, name), getattr(found, name)
        if not same(theirs, ours):
            yield f"{name} {number(theirs)} is claimed, {number(ours)} follows from the results"
    for name in ("n", "total", "missing"):
        theirs, ours = getattr(claimed, name), getattr(found, name)
        if theirs != ours:
            yield f"{name} {theirs} is claimed, {ours} follows from the results"
