"""A check's outcome in lines."""

from __future__ import annotations

from collections.abc import Iterator

from reports.bundles.reading import Bundle
from reports.bundles.verdicts import Checked, RowVerdict
from vfsrbench.errors import counted


def told(bundle: Bundle, checked: Checked) -> Iterator[str]:
    """What a check found: the bundle, a line a row, and what contradicts it or was not looked at.

    Args:
        bundle: The bundle.
        checked: The outcome.
    """
    head = bundle.head
    counts = (
        f"{counted(len(head.splits), 'split')}, {counted(len(head.methods), 'method')}, "
        f"{counted(len(head.clips), 'clip')}, {counted(head.results, 'result')}"
    )
    yield f"{bundle.path}: board {head.board}, {counts}; by vfsrbench {head.vfsrbench}"
    yield f"{counted(len(head.files), 'file')} whole, content {bundle.digest[:16]}"
    if checked.degraded:
        yield f"{counted(checked.degraded, 'degraded clip')} made again"
    if checked.audited:
        yield f"drawn by seed {checked.seed}: {', '.join(checked.audited)}"
    width = max((len(row.method) for row in checked.rows), default=0)
    splits = max((len(row.split) for row in checked.rows), default=0)
    for row in checked.rows:
        yield f"  {row.split:{splits}}  {row.method:{width}}  {row.verdict}{_differences(row)}"
    yield from (f"problem: {line}" for line in checked.problems)
    for row in checked.rows:
        yield from (f"problem: {row.method}, {row.split}: {line}" for line in row.problems)
    unchecked: dict[str, list[str]] = {}
    for row in checked.rows:
        for line in row.unchecked:
            unchecked.setdefault(line, []).append(f"{row.method}, {row.split}")
    yield from (f"not checked: {line}" for line in checked.unchecked)
    for line, rows in unchecked.items():
        where = rows[0] if len(rows) == 1 else counted(len(rows), "row")
        yield f"not checked: {where}: {line}"
    yield "it holds" if checked.ok else "it does not hold"


def _differences(row: RowVerdict) -> str:
    """The largest difference a metric, where values were computed here."""
    if not row.differences:
        return ""
    said = ", ".join(f"{d.metric} {d.largest:.2g}" for d in row.differences)
    return f" (differences: {said})"
