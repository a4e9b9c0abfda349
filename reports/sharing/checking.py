"""Checks a bundle: does what it says follow from what it holds, and from what is known here?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reports.bundles.reading import Bundle, read_bundle
from reports.bundles.verdicts import Checked, Difference, RowVerdict, Verdict
from reports.sharing.checks.cards import check_cards
from reports.sharing.checks.findings import Finding, Known, Where, lines
from reports.sharing.checks.frames import check_frames
from reports.sharing.checks.keys import check_keys
from reports.sharing.checks.records import check_records
from reports.sharing.checks.tables import check_tables
from reports.sharing.checks.values import check_values, recomputable
from vfsrbench.errors import InputError

UNSEEN = "its restored frames were not looked at: --outputs FOLDER scores them again, --restore restores them"


@dataclass
class Audit:
    """What was computed again here: by row the differences, and what was done with it."""

    clips: tuple[str, ...] = ()
    seed: int = 0
    degraded: int = 0
    findings: list[Finding] = field(default_factory=list)
    differences: dict[Where, list[Difference]] = field(default_factory=dict)
    scored: set[Where] = field(default_factory=set)
    restored: set[Where] = field(default_factory=set)


def check_bundle(path: str | Path | Bundle, audit: Callable[[Bundle], Audit] | None = None) -> Checked:
    """Check a bundle without its data set: checksums, schema, keys, cards, values, means.

    Args:
        path: The bundle, or its file.
        audit: What looks at frames, too (`reports.sharing.auditing.Auditor`).

    Returns:
        The verdict on each row, and why.

    Raises:
        InputError: It is no bundle, or its files are not those that it lists (checksums, schema).
    """
    bundle = path if isinstance(path, Bundle) else read_bundle(path)
    known = Known.here()
    found = list(_findings(bundle, known))
    done = Audit() if audit is None else audit(bundle)
    found += done.findings
    general = [finding for finding in found if finding.where is None]
    rows = tuple(_row(bundle, known, (row.split, row.method), found, done) for row in bundle.table.rows)
    return Checked(
        digest=bundle.digest,
        board=bundle.board.name,
        rows=rows,
        problems=lines(f for f in general if f.problem),
        unchecked=lines(f for f in general if not f.problem),
        audited=done.clips,
        seed=done.seed,
        degraded=done.degraded,
    )


def _findings(bundle: Bundle, known: Known) -> Iterator[Finding]:
    for check in (check_records, check_values, check_keys, check_cards, check_tables, check_frames):
        try:
            yield from check(bundle, known)
        except InputError as error:  # a board or a card that contradicts itself
            yield Finding(str(error))


def _row(bundle: Bundle, known: Known, where: Where, found: Iterable[Finding], done: Audit) -> RowVerdict:
    own = [finding for finding in found if finding.where == where]
    if where not in done.scored | done.restored:
        own.append(Finding(UNSEEN, where, problem=False))
    problems = lines(f for f in own if f.problem)
    verdict: Verdict
    if problems:
        verdict = "contradicted"
    elif where in done.restored:
        verdict = "re-run here"
    elif where in done.scored:
        verdict = "re-scored here"
    else:
        verdict = "consistent" if recomputable(bundle, known, *where) else "not checkable"
    return RowVerdict(
        split=where[0],
        method=where[1],
        verdict=verdict,
        problems=problems,
        unchecked=lines(f for f in own if not f.problem),
        differences=tuple(done.differences.get(where, ())),
    )
