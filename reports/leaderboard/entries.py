"""Rows of a leaderboard: what stands on its pages, free of the bundles that it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reports.bundles.reading import Bundle
from reports.bundles.schema import CellClaim
from reports.bundles.verdicts import Checked, Difference
from reports.leaderboard.config import Division
from reports.leaderboard.divisions import Official, division_of
from vfsrbench.card import MethodCard
from vfsrbench.results.schema import JobRecord
from vfsrbench.runtime.reach import ALLOWED


@dataclass(frozen=True)
class Facts:
    """What the card in the bundle says of a method."""

    year: int | None = None
    licence: str = ""
    commercial: bool | None = None
    paper: str = ""
    url: str = ""
    description: str = ""
    trained_on: str = ""
    deviations: tuple[str, ...] = ()
    parameters: int | None = None
    gmacs: float | None = None

    @classmethod
    def of(cls, card: MethodCard | None) -> Facts:
        """A card's; without one nothing is known."""
        if card is None:
            return cls()
        return cls(**{name: getattr(card, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Cost:
    """What restoring took: frames a second, bytes at peak, on what; None where not known."""

    speed: float | None = None
    memory: int | None = None
    device: str = ""


@dataclass(frozen=True)
class Entry:
    """A laboratory's row on one split of a board. `lab` is empty of reference rows, which are nobody's.

    `why_open` says why it is not in the division of official weights; `differences` what a check that scored
    or restored again found; `finished` is the day on which its last job ended;
    `doubts` what a reader must not miss of it.
    """

    lab: str
    board: str
    split: str
    method: str
    title: str
    cells: Mapping[str, CellClaim]
    file: str = ""
    digest: str = ""
    division: Division = "open"
    why_open: str = ""
    verdict: str = ""
    differences: tuple[Difference, ...] = ()
    done: int = 0
    total: int = 0
    finished: str = ""
    doubts: tuple[str, ...] = ()
    facts: Facts = field(default_factory=Facts)
    cost: Cost = field(default_factory=Cost)

    @property
    def row(self) -> tuple[str, str, str]:
        """What a row is known by, whatever splits it is on."""
        return self.lab, self.board, self.method


def entries_of(
    bundle: Bundle, lab: str, file: str, official: Official, checked: Checked | None = None
) -> Iterator[Entry]:
    """The rows of a bundle, a split each."""
    records = {
        (row.split, row.method): [
            r.record
            for r in bundle.results
            if (r.record.split, r.record.method) == (row.split, row.method) and r.record.status == "ok"
        ]
        for row in bundle.table.rows
    }
    for row in bundle.table.rows:
        own = records[row.split, row.method]
        everywhere = [r for (_, method), found in records.items() if method == row.method for r in found]
        division, why = division_of(everywhere, official)
        of_row = None if checked is None else _verdict(checked, row.split, row.method)
        facts = Facts.of(bundle.methods.get(row.method.partition("[")[0]))
        seconds = sum(r.restore_seconds for r in own)
        yield Entry(
            lab="" if row.reference_row else lab,
            board=bundle.board.name,
            split=row.split,
            method=row.method,
            title=row.title,
            cells=row.cells,
            file=file,
            digest=bundle.digest,
            division=division,
            why_open=why,
            verdict="" if of_row is None else of_row[0],
            differences=() if of_row is None else of_row[1],
            done=row.done,
            total=row.total,
            finished=max((r.finished for r in own), default="")[:10],
            doubts=tuple(_doubts(own)),
            facts=facts,
            cost=Cost(
                speed=sum(r.frames for r in own if r.restore_seconds) / seconds if seconds else None,
                memory=max((r.peak_memory for r in own), default=0) or None,
                device=", ".join(sorted({r.device for r in own if r.device})),
            ),
        )


def _doubts(records: Sequence[JobRecord]) -> Iterator[str]:
    if any(r.imported for r in records):
        yield "imported outputs"
    if any(r.clamped > ALLOWED for r in records):
        yield "wrong range?"
    if any(r.smaller_windows for r in records):
        yield "smaller windows"
    yield from (r.findings[0] for r in [r for r in records if r.findings][:1])


def _verdict(checked: Checked, split: str, method: str) -> tuple[str, tuple[Difference, ...]] | None:
    found = (r for r in checked.rows if (r.split, r.method) == (split, method))
    return next(((r.verdict, r.differences) for r in found), None)
