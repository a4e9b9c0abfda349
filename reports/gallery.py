"""Which figures a board's report has, drawn from its results and whatever frames are still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reports.figure_data import FigureData
from reports.figures import curves as curve_figures
from reports.figures import grids, jumps, overview, persons, slices
from reports.figures.kept import Drawn, Figures, Later
from reports.figures.style import DARK, Look, figure_file
from reports.inputs.results import Grid
from reports.material import Material
from reports.tables.model import Table
from vfsrbench.board import Board
from vfsrbench.io.names import slug

MOST_SLICES = 6
"""Slice figures a split: boards with more clips show those spread from the hardest to the easiest."""
MOST_FACES = 4
"""Methods whose frames stand beside a jump."""


@dataclass(frozen=True)
class Picture:
    """A figure's files, what it shows in a sentence, its size in pixels on a page, and which kind it is.
    `dark` is the file for dark pages of a figure with photographs."""

    kind: str
    png: Path
    pdf: Path | None
    dark: Path | None
    caption: str
    size: tuple[int, int]

    @property
    def files(self) -> list[Path]:
        return [path for path in (self.png, self.pdf, self.dark) if path is not None]


@dataclass(frozen=True)
class Planned:
    """A figure that is asked for: what `picture` takes."""

    kind: str
    drawn: Drawn
    caption: str

    def pictures(self) -> list[Picture]:
        """The picture, when `Figures.finish` has drawn it; none if nothing was drawn."""
        return picture(self.kind, self.drawn.files, self.caption)


@dataclass(frozen=True)
class Gallery:
    """Asks for a report's figures; the formats of `figures` begin with png."""

    figures: Figures
    material: Material

    @property
    def board(self) -> Board:
        return self.material.board

    @property
    def data(self) -> FigureData:
        return FigureData(self.material)

    @property
    def looks(self) -> Mapping[str, Look]:
        return self.material.looks

    def of_split(self, table: Table, grid: Grid) -> list[Planned]:
        """All figures of one split."""
        wanted = self.board.figures
        found: list[Planned] = []
        for metric in wanted.curves:
            clips = curve_figures.telling_clips(grid, metric)
            panels = curve_figures.clip_panels(grid, metric, clips)
            found += self._curves("curves", table, metric, panels, ", ".join(p.title for p in panels))
        for metric in wanted.averages:
            panel = curve_figures.average_panel(grid, metric)
            found += self._curves("averages", table, metric, [panel] if panel.series else [], "the mean clip")
        for metric in wanted.jumps:
            found += self._jump(table, grid, metric)
        for metric in wanted.persons:
            found += self._persons(table, grid, metric)
        for metric in wanted.speed:
            name = _name("speed", table.split, metric)
            drawn = self.figures.draw(overview.draw_speed, name, table, metric, self.looks)
            what = self.data.column(table, metric).title
            caption = f"{what} against frames a second, marks larger with more parameters; {table.split}."
            found.append(Planned("speed", drawn, caption))
        for clip in curve_figures.telling_clips(grid, table.columns[0].id, MOST_SLICES):
            found += self._slices(table, grid, clip)
        return found + (self._grid(table, grid) if wanted.grids else [])

    def of_board(self, tables: Sequence[Table]) -> list[Planned]:
        """Figures over all splits."""
        wanted = self.board.figures.levels
        if not wanted:
            return []
        titles = ", ".join(self.data.column(tables[0], m).title for m in wanted)
        drawn = self.figures.draw(overview.draw_levels, "levels", tables, wanted, self.looks)
        return [Planned("levels", drawn, f"{titles} against the level of degradation, with 95 % intervals.")]

    def _curves(
        self, kind: str, table: Table, metric: str, panels: Sequence[curve_figures.Panel], what: str
    ) -> list[Planned]:
        made = self.data.curves(table, metric, panels)
        drawn = self.figures.draw(curve_figures.draw_curves, _name(kind, table.split, metric), made)
        return [Planned(kind, drawn, f"{made.column.title} of each frame of {what}; {table.split}.")]

    def _jump(self, table: Table, grid: Grid, metric: str) -> list[Planned]:
        """The clip with the worst jump of any method."""
        panels = curve_figures.clip_panels(grid, metric, grid.clips)
        worst: tuple[jumps.Jump, curve_figures.Panel] | None = None
        for panel in panels:
            rivals = {m: v for m, v in panel.series.items() if m not in self.material.reference_rows}
            jump = jumps.worst_jump(rivals)
            if jump is not None and (worst is None or jump.size > worst[0].size):
                worst = jump, panel
        if worst is None:
            return []
        jump, panel = worst
        cells = {m: grid.cells[m, panel.title].record for m in panel.series}
        others = [r.method for r in table.rows if r.method != jump.method and not r.is_reference]
        shown = [jump.method, *others][:MOST_FACES]
        titles = {r.method: r.title for r in table.rows}
        titled = replace(panel, title=f"{panel.title}, {table.split}")
        curves = replace(self.data.curves(table, metric, [titled]), heading="")
        restored = {titles[m]: cells[m] for m in shown if m in cells}
        faces = self.data.faces(cells[jump.method], restored, (jump.first, jump.last))

        def figure() -> tuple[jumps.JumpFigure, bool]:
            pictures, whole = faces.read()
            return jumps.JumpFigure(curves, jump, pictures), whole

        data = Later((curves, jump, *faces.key), figure)
        drawn = self.figures.draw(jumps.draw_jump, _name("jump", table.split, metric), data, photographs=True)
        what = f"{curves.column.title} over time on {panel.title}, its worst jump marked"
        return [Planned("jumps", drawn, f"{what}; {table.split}.")]

    def _persons(self, table: Table, grid: Grid, metric: str) -> list[Planned]:
        methods = [m for m in grid.methods if m not in self.material.reference_rows]
        titles = {r.method: r.title for r in table.rows if r.method in methods}
        column = self.data.column(table, metric)
        scores = persons.by_person(grid, metric, methods)
        name = _name("persons", table.split, metric)
        drawn = self.figures.draw(persons.draw_persons, name, scores, column, titles, self.looks)
        return [Planned("persons", drawn, f"{column.title} by person; {table.split}.")]

    def _slices(self, table: Table, grid: Grid, clip: str) -> list[Planned]:
        found = self.data.slices(table, grid, clip)
        if found is None:
            return []
        drawn = self.figures.draw(
            slices.draw_slices, _name("slices", table.split, clip), found.figure, photographs=True
        )
        return [
            Planned(
                "slices",
                drawn,
                f"{found.place} of every frame of {clip}, time to the right; {table.split}.",
            )
        ]

    def _grid(self, table: Table, grid: Grid) -> list[Planned]:
        clips = curve_figures.telling_clips(grid, table.columns[0].id, self.board.figures.grids)
        rows = self.data.grid(table, grid, clips)
        drawn = self.figures.draw(
            grids.draw_grid, _name("grid", table.split, "frames"), rows, photographs=True
        )
        return [
            Planned("grids", drawn, f"Middle frames and where methods differ most in them; {table.split}.")
        ]


def _name(kind: str, split: str, what: str) -> str:
    return f"{kind}-{slug(split)}-{slug(what)}"


def picture(kind: str, files: Sequence[Path], caption: str) -> list[Picture]:
    """The figure in these files, at half the pixels it was drawn with; none if nothing was drawn."""
    if not files:
        return []
    from PIL import Image

    png = next(p for p in files if p.suffix == ".png")
    pdf = next((p for p in files if p.suffix == ".pdf"), None)
    dark = next((p for p in files if p == figure_file(png.with_suffix(""), DARK)), None)
    with Image.open(png) as image:
        wide, high = image.size
    return [Picture(kind, png, pdf, dark, caption, (wide // 2, high // 2))]
