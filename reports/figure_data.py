"""What figures show: curves, slices and grids as data, from a report's results and the frames still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reports.figures import curves as curve_figures
from reports.figures import grids, slices
from reports.figures.kept import Later
from reports.inputs.frames import fed_record, truth_title
from reports.inputs.results import Grid
from reports.material import Material
from reports.tables.model import Column, Table
from vfsrbench.errors import InputError
from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.slice_store import Place

if TYPE_CHECKING:
    from vfsrbench.io.clip import Clip

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Slices:
    """A `SliceFigure` that is read when it is drawn, and the column that it shows."""

    place: Place
    figure: Later


@dataclass(frozen=True)
class FigureData:
    """Makes the data of figures; what cannot be shown, the material's losses say."""

    material: Material

    def column(self, table: Table, metric: str) -> Column:
        """The column of a metric. InputError if the table has none."""
        for column in table.columns:
            if column.id == metric:
                return column
        name = self.material.board.name
        raise InputError(f"board {name!r}: a figure of {metric!r} is not among its metrics")

    def curves(
        self, table: Table, metric: str, panels: Sequence[curve_figures.Panel]
    ) -> curve_figures.Curves:
        """Values over time."""
        column = self.column(table, metric)
        titles = {r.method: r.title for r in table.rows}
        heading = f"{column.title} over time, {table.split}"
        looks, references = self.material.looks, self.material.reference_rows
        return curve_figures.Curves(column, panels, titles, looks, references, heading)

    def slices(self, table: Table, grid: Grid, clip: str) -> Slices | None:
        """One column over time: the ground truth, what methods were given, the methods. None where a run kept
        no slices of the clip."""
        store = self.material.strips
        records = {m: r.record for m in grid.methods if (r := grid.cells.get((m, clip))) and _ok(r)}
        known = next(((r, p) for r in records.values() if (p := store.place(r)) is not None), None)
        seals = {m: s for m, r in records.items() if (s := store.seal(store.restored_path(r))) is not None}
        if known is None or not seals:
            return None
        of_truth, place = known
        titles = {r.method: r.title for r in table.rows}
        first = next(iter(records.values()))
        # without ground truth the degraded clip is the first row already
        fed = self._fed(records.values()) if first.reference else None
        looks = {titles[m]: self.material.looks[m] for m in seals}
        order = [r.method for r in table.rows if r.method in seals]
        fixed = (clip, table.split, looks, truth_title(first))
        named = (place, None if fed is None else fed[1], {titles[m]: seals[m] for m in order})

        def read() -> tuple[slices.SliceFigure, bool]:
            truth = store.truth(of_truth)
            assert truth is not None  # its seal was compared
            strips = {titles[m]: store.restored(records[m]) for m in order}
            degraded = {} if fed is None else {"Degraded": store.degraded(fed[0])}
            rows = degraded | strips
            found = {title: strip for title, strip in rows.items() if strip is not None}
            return slices.SliceFigure(*fixed[:2], truth, found, *fixed[2:]), len(found) == len(rows)

        return Slices(place, Later((*fixed, *named), read))

    def _fed(self, records: Iterable[JobRecord]) -> tuple[JobRecord, str] | None:
        """The first record whose degraded strip is there, and its checksum."""
        store = self.material.strips
        paths = {store.degraded_path(r): r for r in records}
        return next(((r, s) for p, r in paths.items() if (s := store.seal(p)) is not None), None)

    def faces(self, truth: JobRecord, restored: Mapping[str, JobRecord], frames: Sequence[int]) -> Later:
        """These frames of the ground truth and of restored clips by title, read when they are drawn."""
        shown = {title: record for title, record in restored.items() if self.material.frames.may_show(record)}
        key = (
            truth.key,
            self.material.frames.has_truth(truth),
            {title: record.key for title, record in shown.items()},
            tuple(frames),
        )

        def read() -> tuple[dict[str, list[Pixels]], bool]:
            clip = self.material.frames.truth(truth)
            clips = {t: self.material.frames.restored(record) for t, record in shown.items()}
            found = {t: self.frames(one, frames) for t, one in {truth_title(truth): clip, **clips}.items()}
            return found, all(len(found[title]) == len(frames) for title in shown)

        return Later(key, read)

    def grid(self, table: Table, grid: Grid, clips: Sequence[str]) -> Later:
        """`grid_rows`, read when they are drawn."""
        frames = self.material.frames
        named: list[Any] = []
        for clip in clips:
            cells = {
                r.method: c.record for r in table.rows if (c := grid.cells.get((r.method, clip))) and _ok(c)
            }
            titles = {
                r.title: cells[r.method] for r in table.rows if r.method in cells and not r.is_reference
            }
            methods = {title: r.key for title, r in titles.items() if frames.may_show(r)}
            sides = [
                (r.key, r.frames, r.lq_digest, frames.has_truth(r), frames.may_show_degraded(r))
                for r in ([fed_record(cells.values())] if cells else [])
            ]
            named.append((clip, methods, sides))

        def read() -> tuple[list[grids.GridRow], bool]:
            rows = self.grid_rows(table, grid, clips)
            shown = {row.label: row.pictures for row in rows}
            whole = all(m in shown[clip] for clip, methods, _ in named if clip in shown for m in methods)
            return rows, whole

        return Later(tuple(named), read)

    def grid_rows(self, table: Table, grid: Grid, clips: Sequence[str]) -> list[grids.GridRow]:
        """The middle frames of these clips; a clip of which no method's frame is there is left out."""
        rows = []
        for clip in clips:
            found = {m: r.record for m in grid.methods if (r := grid.cells.get((m, clip))) and _ok(r)}
            pictures = self._row_pictures(table, found)
            sides = 2 if all(record.reference for record in found.values()) else 1
            if len(pictures) > sides:
                rows.append(grids.GridRow(clip, pictures))
        return rows

    def _row_pictures(self, table: Table, records: Mapping[str, JobRecord]) -> dict[str, Pixels]:
        """The middle frame: degraded, every method but reference rows, ground truth last (if any)."""
        if not records:
            return {}
        first = next(iter(records.values()))
        middle = first.frames // 2
        frames, title = self.material.frames, truth_title(first)
        fed = fed_record(records.values())
        clips = {"Degraded": frames.degraded(fed)} if first.reference else {title: frames.truth(first)}
        for row in table.rows:
            if row.method in records and not row.is_reference:
                clips[row.title] = frames.restored(records[row.method])
        if first.reference:
            clips[title] = frames.truth(first)
        found = {title: self._frame(clip, middle) for title, clip in clips.items()}
        return {title: pixels for title, pixels in found.items() if pixels is not None}

    def frames(self, clip: Clip | None, frames: Sequence[int]) -> list[Pixels]:
        """Those of the frames that are there."""
        return [pixels for frame in frames if (pixels := self._frame(clip, frame)) is not None]

    def _frame(self, clip: Clip | None, frame: int) -> Pixels | None:
        """A frame, None where it is not there any more or cannot be read: the report says why."""
        if clip is None or frame >= len(clip):
            return None
        try:
            return clip.read(frame, frame + 1)[0]
        except InputError as error:
            self.material.losses.say(f"a frame of {clip.name} is not shown: {error}")
            return None


def _ok(result: StoredResult) -> bool:
    return result.record.status == "ok"
