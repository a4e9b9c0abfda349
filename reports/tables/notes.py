"""What must be said below a table: rows and values that are not there, and what is odd about those that
are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.inputs.results import Grid
from reports.inputs.split_values import SplitValue
from reports.tables.model import Column, Row
from reports.tables.rounding import fixed
from vfsrbench.board import Restriction
from vfsrbench.errors import counted
from vfsrbench.io.foreign_text import one_line
from vfsrbench.runtime.reach import ALLOWED

FEW_CLIPS = 6
"""Below this number of clips no signed-rank test can reach 5 %: the table says so."""


def reference_notes(rows: Sequence[Row], columns: Sequence[Column]) -> list[str]:
    """A sentence on the reference rows, if there are any such metrics and rows with their values.

    Args:
        rows: Of the table.
        columns: Of the table.
    """
    opinions = [column for column in columns if column.gameable]
    shown = [
        row.title
        for row in rows
        if row.is_reference and any(row.cells[column.id].value is not None for column in opinions)
    ]
    if not shown:
        return []
    names = ", ".join(column.title for column in opinions)
    return [f"{names}: read beside the reference rows ({'; '.join(shown)}), which take no place or mark."]


@dataclass(frozen=True)
class Noted:
    """What the notes are made from.

    `refused` are methods that ran with untrained weights, `idle` those that did not run, `restricted` what
    the board says of methods that it does not run on everything, `expected` on which clips it runs a method.
    """

    split: str
    grid: Grid
    columns: Sequence[Column]
    refused: Sequence[str]
    idle: Sequence[str]
    restricted: Mapping[str, Restriction]
    expected: Mapping[str, NDArray[np.bool_]]
    split_values: Mapping[tuple[str, str, str], SplitValue]

    def notes(self, rows: Sequence[Row]) -> list[str]:
        """All sentences for a table of these rows, the most important first."""
        if not rows and not self.refused and not self.idle:
            return ["Nothing measured yet: these are published figures only."]
        beside = reference_notes(rows, self.columns)
        return [*beside, *self._on_jobs(), *self._on_restored(), *self._on_values(rows)]

    def _clips(self, method: str) -> str:
        return counted(int(self.expected[method].sum()), "clip")

    def _on_jobs(self) -> list[str]:
        notes = [f"{m} ran with untrained weights and is not on the board." for m in self.refused]
        notes += self._on_restrictions()
        for method in self.grid.methods:
            bad = [r.record for r in self.grid.of_method(method) if r.record.status != "ok"]
            if bad:
                first = bad[0]
                notes.append(
                    f"{method}: {len(bad)} of {self._clips(method)} without a result; "
                    f"{first.clip}: {first.status}, {first.reason or 'no reason recorded'}."
                )
        return notes

    def _on_restrictions(self) -> list[str]:
        notes = []
        for method, only in self.restricted.items():
            if not only.on_split(self.split):
                where = f": only for {', '.join(only.splits)}" if only.splits else ""
                notes.append(f"{method} is not on the board for this split{where}.")
            elif method in self.expected and not self.expected[method].all():
                clips = self.grid.clips
                chosen = [c for c, here in zip(clips, self.expected[method], strict=True) if here]
                notes.append(
                    f"{method} is on the board for {len(chosen)} of {counted(len(clips), 'clip')} "
                    f"({one_line(', '.join(chosen))}): its means are over these, without place or mark."
                )
        return notes

    def _on_restored(self) -> list[str]:
        """What is odd about restored frames: range, windows, place, the degraded frames they were made
        from."""
        notes = []
        clips = len(self.grid.clips)
        for method in self.grid.methods:
            shares = [r.record.clamped for r in self.grid.done(method) if r.record.clamped > ALLOWED]
            if shares:
                notes.append(
                    f"{method}: wrong range? In {len(shares)} of {self._clips(method)} up to "
                    f"{fixed(100 * max(shares), 1)}% of its values lay far outside [0, 1] and were clamped."
                )
        for method in self.grid.methods:
            cut = [r.record for r in self.grid.done(method) if r.record.smaller_windows]
            if cut:
                notes.append(
                    f"{method}: another protocol. Memory ran out in {len(cut)} of {counted(clips, 'clip')}, "
                    f"restored in windows of {min(r.window or 0 for r in cut)} frames or more, smaller than "
                    "the method's own; its results depend on that."
                )
            parts = [r.record for r in self.grid.done(method) if r.record.cropped]
            if parts:
                notes.append(
                    f"{method}: --crop-gt cut the ground truth to its outputs in {len(parts)} of "
                    f"{self._clips(method)}, so its values are over other pixels than the others'; "
                    f"{parts[0].clip}: {parts[0].cropped}."
                )
            off = [r.record for r in self.grid.done(method) if r.record.findings]
            if off:
                total = counted(len(self.grid.done(method)), "clip")
                are = "are" if len(off) > 1 else "is"
                notes.append(
                    f"{method}: against the ground truth {len(off)} of {total} {are} off; "
                    f"{off[0].clip}: {', '.join(off[0].findings)}. Nothing was corrected."
                )
        odd = [m for m in self.grid.methods if not all(r.record.canonical for r in self.grid.done(m))]
        if odd:
            notes.append(
                f"Degraded frames differ from the published manifest for {', '.join(odd)}: not canonical."
            )
        return notes

    def _on_values(self, rows: Sequence[Row]) -> list[str]:
        notes = []
        clips = len(self.grid.clips)
        for col in self.columns:
            reasons = sorted({r.cells[col.id].unavailable for r in rows} - {""})
            notes += [f"{col.title}: n/a, {reason}." for reason in reasons]
            lost = [f"{r.method} {r.cells[col.id].missing}" for r in rows if r.cells[col.id].missing]
            if lost:
                notes.append(f"{col.title}: frames without a value: {', '.join(lost)}.")
            whole = self.split_values.items()
            samples = {v.n for (split, _, m), v in whole if (split, m) == (self.split, col.id)}
            if samples:
                notes.append(f"{col.title}: from n = {', '.join(map(str, sorted(samples)))} samples a row.")
            without = int((~self.grid.due(col.id)).sum())
            if 0 < without < clips:
                have = "clip has" if without == 1 else "clips have"
                notes.append(f"{col.title}: {without} {have} no value with any method: not counted.")
        if clips < FEW_CLIPS:
            are = "clip is" if clips == 1 else "clips are"
            notes.append(f"{clips} {are} too few for a test: take intervals and ranks as a hint.")
        return notes
