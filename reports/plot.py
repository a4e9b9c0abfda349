"""`vfsrbench plot`: one figure alone, as PDF or PNG, in the style of the report's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reports.figure_data import FigureData
from reports.figures import curves as curve_figures
from reports.figures import grids, overview, slices
from reports.inputs.results import Grid
from reports.material import Material, gather
from reports.tables.model import Table
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.names import slug
from vfsrbench.io.safety.targets import check_out_folder, check_own_file, refuse_overlap
from vfsrbench.results import stats
from vfsrbench.results.board_note import protocols, table_rules
from vfsrbench.results.workspace import FOLDERS, Workspace

Kind = Literal["curves", "slices", "levels", "grid"]
FORMATS = (".pdf", ".png")
GRID_ROWS = 2
"""Clips in a grid where nobody says which."""


@dataclass(frozen=True)
class Wanted:
    """What a figure is to show; where nothing is said, what the report shows first.

    Attributes:
        kind: Which figure.
        clips: `curves`: a panel each; `slices`: one; `grid`: a row each; `levels`: the means are over them.
        metrics: `curves`: one; `levels`: a panel each.
        methods: In the order of the legend.
        splits: `levels`: in this order; of the others one.
        highlight: Methods that stand out; `none`: none does.
    """

    kind: Kind
    clips: Sequence[str] = ()
    metrics: Sequence[str] = ()
    methods: Sequence[str] = ()
    splits: Sequence[str] = ()
    highlight: Sequence[str] = ()


@dataclass(frozen=True)
class Plotted:
    """The file that was written, what it shows in a sentence, and what could not be shown."""

    path: Path
    caption: str
    skipped: tuple[str, ...] = ()


def plot(wanted: Wanted, workspace: Path, out: Path | None = None, board: Board | None = None) -> Plotted:
    """Draw one figure of the results in a workspace.

    Args:
        wanted: What it shows.
        workspace: The folder in which a board was run.
        out: `FILE.pdf` or `FILE.png`; default: a name that says what it shows, as PDF, in this folder.
        board: Default: the only one that was run there.

    Raises:
        InputError: Something that is named is not there (the message says what is), there is nothing to draw,
            or the file cannot be written: it is not ours, or of another kind.
    """
    _check_asked(wanted)
    if out is not None:
        check_target(out, workspace)
    base = board or noted_board(workspace)
    narrowed = _narrowed(base, wanted)
    resamples = stats.RESAMPLES if wanted.kind == "levels" else 1  # no other figure has intervals
    material = gather(narrowed, workspace, resamples=resamples)
    clips, skipped = _known_clips(wanted.clips, material), material.skipped
    if wanted.kind == "levels" and clips:
        material = gather(narrowed.replace(dataset=narrowed.dataset.replace(clips=clips)), workspace)
    figure = _DRAWN[wanted.kind](material, wanted, clips)
    path = out or Path(f"{figure.name}.pdf")
    if out is None:
        check_target(path, workspace)
    if not figure.draw(path.with_suffix(""), (path.suffix[1:],)):
        raise InputError(f"nothing to draw: {figure.lacking}")
    return Plotted(path, figure.caption, (*skipped, *material.losses.lines))


@dataclass(frozen=True)
class _Figure:
    """A figure that can be drawn: `draw` takes the path without suffix, and formats; `lacking` says why it
    draws nothing."""

    name: str
    caption: str
    draw: Callable[[Path, Sequence[str]], list[Path]]
    lacking: str


def noted_board(workspace: Path, name: str | None = None) -> Board:
    """The board that was run in a workspace: as it is installed, else as its runs noted it.

    Args:
        workspace: The folder of its results.
        name: Which one, where several were run.

    Raises:
        InputError: No board was run there, or several were and none is named: says which.
    """
    notes = sorted((workspace / "boards").glob("*.json"))
    notes = [note for note in notes if name is None or note.stem == slug(name)]
    if not notes:
        raise InputError(
            f"{workspace}: no board was run there; `vfsrbench run BOARD -w {workspace}` makes results, "
            "--board says whose they are"
        )
    if len(notes) > 1:
        names = ", ".join(note.stem for note in notes)
        raise InputError(f"{workspace}: several boards were run there ({names}): say which with --board")
    name = notes[0].stem
    shipped = next((known for known in plugins.board_files() if slug(known) == name), None)
    if shipped is not None:
        return plugins.find_board(shipped)
    rules = table_rules(notes[0])
    found = protocols(Workspace(workspace), name)
    if rules is None or not found:
        raise InputError(f"{workspace}: its board {name!r} is not installed here: name its file with --board")
    return Board(
        name=name,
        title=name,
        version=1,
        dataset=found[-1].use,
        splits=rules.splits,
        methods=rules.methods,
        metrics=rules.metrics,
        seed=found[-1].seed,
        average=rules.average,
        sort_by=rules.sort_by,
    )


def check_target(out: Path, workspace: Path) -> None:
    """Do nothing if a figure can be written there.

    Raises:
        InputError: It is no PDF or PNG, lies among what is read, or is a file that we did not make.
    """
    if out.suffix not in FORMATS:
        raise InputError(f"{out}: a figure is FILE.pdf or FILE.png")
    if out.is_dir():
        raise InputError(f"{out}: is a folder; name a file in it")
    refuse_overlap(out, [workspace / name for name in FOLDERS])
    check_out_folder(out.parent)
    check_own_file(out)


def _check_asked(wanted: Wanted) -> None:
    """InputError for what this kind of figure cannot show."""
    kind = wanted.kind
    if kind in ("slices", "grid") and wanted.metrics:
        raise InputError(f"plot {kind}: shows pictures, no metric: leave --metric out")
    most = {"curves": ("metric", wanted.metrics), "slices": ("clip", wanted.clips)}
    if kind in most and len(most[kind][1]) > 1:
        raise InputError(f"plot {kind}: shows one {most[kind][0]}, not {len(most[kind][1])}")
    if kind != "levels" and len(wanted.splits) > 1:
        raise InputError(f"plot {kind}: shows one split, not {len(wanted.splits)}")


def _narrowed(board: Board, wanted: Wanted) -> Board:
    """The board with no more than the figure needs. Metrics need not be the board's: results may have
    more."""
    shown = wanted.metrics or _usual_metrics(board, wanted.kind)
    metrics = plugins.metric_ids(shown)
    changes = {
        "methods": tuple(wanted.methods) or board.table.methods,
        "splits": tuple(wanted.splits) or board.table.splits,
        "highlight": tuple(wanted.highlight) or board.table.highlight,
    }
    table = board.table.replace(columns=(), digits=None, caption="", label="", order=None, **changes)
    return board.replace(
        metrics=tuple(dict.fromkeys(metrics)),
        figures=board.figures.of(()),
        versus=None,
        sort_by=board.sort_by if board.sort_by in metrics else None,
        published=(),
        table=table,
    )


def _usual_metrics(board: Board, kind: Kind) -> tuple[str, ...]:
    """What the board's own figures show first."""
    drawn = board.figures
    if kind == "levels" and drawn.levels:
        return drawn.levels
    first = (*drawn.curves, *drawn.jumps, *drawn.averages) if kind == "curves" else ()
    return (first or board.metrics)[:1]


def _known_clips(clips: Sequence[str], material: Material) -> tuple[str, ...]:
    known = dict.fromkeys(clip for table in material.tables for clip in table.clips)
    for clip in clips:
        if clip not in known:
            raise did_you_mean("clip of these results", clip, known)
    return tuple(dict.fromkeys(clips))


def _curves(material: Material, wanted: Wanted, clips: Sequence[str]) -> _Figure:
    table, grid = _first(material)
    metric = table.columns[0].id
    shown = clips or curve_figures.telling_clips(grid, metric)
    panels = curve_figures.clip_panels(grid, metric, shown)
    data = FigureData(material).curves(table, metric, panels)
    return _Figure(
        "-".join(["curves", slug(table.split), metric, *map(slug, clips)]),
        f"{data.column.title} of each frame of {', '.join(p.title for p in panels)}; {table.split}.",
        lambda path, formats: curve_figures.draw_curves(data, path, formats),
        f"no frame of {', '.join(shown) or 'any clip'} has a value of {metric} on {table.split}; "
        f"there are: {_measured(grid)}",
    )


def _slices(material: Material, wanted: Wanted, clips: Sequence[str]) -> _Figure:
    table, grid = _first(material)
    clip = clips[0] if clips else _telling(grid, table, 1)[0]
    data = FigureData(material).slices(table, grid, clip)
    caption = (
        "" if data is None else f"{data.place} of every frame of {clip}, time to the right; {table.split}."
    )

    def draw(path: Path, formats: Sequence[str]) -> list[Path]:
        return [] if data is None else slices.draw_slices(data.figure.read()[0], path, formats)

    name = f"slices-{slug(table.split)}-{slug(clip)}"
    return _Figure(name, caption, draw, f"no slices of {clip} on {table.split} were kept")


def _levels(material: Material, wanted: Wanted, clips: Sequence[str]) -> _Figure:
    tables = material.tables
    metrics = [column.id for column in tables[0].columns]
    titles = ", ".join(column.title for column in tables[0].columns)
    over = f", over {', '.join(clips)}" if clips else ""
    return _Figure(
        "-".join(["levels", *metrics, *map(slug, clips)]),
        f"{titles} against the level of degradation, with 95 % intervals{over}.",
        lambda path, formats: overview.draw_levels(tables, metrics, material.looks, path, formats),
        f"levels need results of two splits, there are those of {', '.join(t.split for t in tables)}",
    )


def _grid(material: Material, wanted: Wanted, clips: Sequence[str]) -> _Figure:
    table, grid = _first(material)
    shown = clips or _telling(grid, table, GRID_ROWS)
    rows = FigureData(material).grid_rows(table, grid, shown)
    return _Figure(
        "-".join(["grid", slug(table.split), *map(slug, clips)]),
        f"Middle frames of {', '.join(row.label for row in rows)}, and where methods differ most in them; "
        f"{table.split}.",
        lambda path, formats: grids.draw_grid(rows, path, formats),
        f"no frames of {', '.join(shown)} on {table.split} were kept: run with --keep png or --keep video",
    )


_DRAWN: dict[Kind, Callable[[Material, Wanted, Sequence[str]], _Figure]] = {
    "curves": _curves,
    "slices": _slices,
    "levels": _levels,
    "grid": _grid,
}


def _first(material: Material) -> tuple[Table, Grid]:
    table = material.tables[0]
    return table, material.grid(table)


def _telling(grid: Grid, table: Table, most: int) -> list[str]:
    return curve_figures.telling_clips(grid, table.columns[0].id, most) or list(grid.clips[:most])


def _measured(grid: Grid) -> str:
    """The metrics that these results have values of."""
    return ", ".join(sorted({m for m in grid.methods for r in grid.done(m) for m in r.record.clip_values}))
