"""`vfsrbench report`: everything a board's results can show, written into one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.formats import to_csv, to_html, to_json, to_latex, to_markdown
from reports.leaderboard import Sources, build_tables
from reports.model import Column, Table
from reports.page import Picture, Section, write_page
from reports.results import Grid, Result, read_results
from reports.style import Look, looks
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.errors import InputError
from vfsrbench.files import whole_file
from vfsrbench.store import slug
from vfsrbench.strips import StripStore

MOST_SLICES = 6
"""Slice figures a split: boards with more clips show those spread from the hardest to the easiest."""


@dataclass(frozen=True)
class Report:
    """What was written: the page, every file, and the tables themselves. `skipped` names unreadable files."""

    index: Path
    tables: tuple[Table, ...]
    files: tuple[Path, ...]
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Folder:
    """The report's folder and how things in it look."""

    out: Path
    board: Board
    strips: StripStore
    looks: dict[str, Look]
    yardsticks: frozenset[str]
    formats: Sequence[str]


def build_report(
    board: Board,
    workspace: Path,
    out: Path,
    *,
    results: Sequence[Path] = (),
    clips: Sequence[str] = (),
    formats: Sequence[str] = ("png", "pdf"),
    partial: bool = False,
    progress: Callable[[str], None] = lambda what: None,
) -> Report:
    """Tables, curves, slices and the page of a board, from the results in `workspace`, into `out`.

    `results` names files or folders of results to use instead of all in the workspace; `clips` those that
    the run planned, so that a row without them counts as incomplete; `partial` prints means over
    incomplete rows too. `progress` hears what is being made. InputError when there are no results or
    `out` cannot be written.
    """
    found, skipped = read_results(results or [workspace / "results"])
    sources = default_sources(found, clips)
    tables = build_tables(board, found, sources)
    shown = {row.method for table in tables for row in table.rows}
    folder = _Folder(
        out,
        board,
        StripStore(workspace / "slices", board.figures.slice_column),
        looks(shown, shown & sources.yardsticks),
        sources.yardsticks,
        formats,
    )
    files: list[Path] = []
    sections = []
    for table in tables:
        progress(f"{table.split}: tables")
        written = _write_tables(out / "tables" / slug(table.split), [table], partial)
        grid = Grid.of(found, table.split, [r.method for r in table.rows], table.clips)
        progress(f"{table.split}: curves")
        curves = _curves(folder, table, grid)
        progress(f"{table.split}: slices")
        slices = _slices(folder, table, grid)
        sections.append(Section(table, written, curves, slices))
        files += written + [p for f in (*curves, *slices) for p in (f.png, f.pdf) if p is not None]
    files += _write_all(out, tables)
    splits = {t.split for t in tables}
    index = write_page(
        out / "index.html", board, sections, [r.record for r in found if r.record.split in splits]
    )
    return Report(index, tuple(tables), (index, *files), tuple(skipped))


def default_sources(found: Sequence[Result], clips: Sequence[str] = ()) -> Sources:
    """What the installed cards say about the metrics and methods that appear."""
    installed = plugins.methods().entries
    fed_truth = {name for name, entry in installed.items() if entry.card.source == "gt"}
    names = {r.record.method for r in found}
    return Sources(
        cards={name: entry.card for name, entry in plugins.metrics().entries.items()},
        yardsticks=frozenset(m for m in names if m.partition("[")[0] in fed_truth),
        clips=clips,
    )


def _write_tables(stem: Path, tables: Sequence[Table], partial: bool) -> list[Path]:
    texts = {
        "csv": to_csv(tables),
        "json": to_json(tables),
        "md": "\n".join(to_markdown(t, partial=partial) for t in tables),
        "tex": "\n".join(to_latex(t, partial=partial) for t in tables),
        "html": "\n".join(to_html(t, partial=partial) for t in tables),
    }
    return [_write(stem.parent / f"{stem.name}.{kind}", text) for kind, text in texts.items()]


def _write_all(out: Path, tables: Sequence[Table]) -> list[Path]:
    texts = {"leaderboard.csv": to_csv(tables), "leaderboard.json": to_json(tables)}
    texts["leaderboard.md"] = "\n".join(map(to_markdown, tables))
    return [_write(out / name, text) for name, text in texts.items()]


def _write(path: Path, text: str) -> Path:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _curves(folder: _Folder, table: Table, grid: Grid) -> list[Picture]:
    from reports.curves import Curves, clip_panels, draw_curves, telling_clips

    pictures = []
    for metric in folder.board.figures.curves:
        column = _column(table, metric, folder.board.name)
        panels = clip_panels(grid, metric, telling_clips(grid, metric))
        curves = Curves(
            column,
            panels,
            {r.method: r.title for r in table.rows},
            folder.looks,
            folder.yardsticks,
            f"{column.title} over time, {table.split}",
        )
        path = folder.out / "figures" / f"curves-{slug(table.split)}-{metric}"
        written = draw_curves(curves, path, folder.formats)
        if written:
            clips = ", ".join(p.title for p in panels)
            pictures.append(_picture(written, f"{column.title} of each frame of {clips}; {table.split}."))
    return pictures


def _column(table: Table, metric: str, board: str) -> Column:
    for column in table.columns:
        if column.id == metric:
            return column
    raise InputError(f"board {board!r}: the curve {metric!r} is not among its metrics")


def _slices(folder: _Folder, table: Table, grid: Grid) -> list[Picture]:
    from reports.curves import telling_clips
    from reports.slices import SliceFigure, draw_slices

    pictures = []
    for clip in telling_clips(grid, table.columns[0].id, MOST_SLICES):
        records = [grid.cells[m, clip].record for m in grid.methods if (m, clip) in grid.cells]
        records = [r for r in records if r.status == "ok"]
        truth = next((t for r in records if (t := folder.strips.truth(r)) is not None), None)
        strips = {r.method: s for r in records if (s := folder.strips.restored(r)) is not None}
        if truth is None or not strips:
            continue
        titles = {r.method: r.title for r in table.rows}
        degraded = next((s for r in records if (s := folder.strips.degraded(r)) is not None), None)
        rows = {} if degraded is None else {"Degraded": degraded}
        rows |= {titles[m]: strip for m, strip in strips.items()}
        figure = SliceFigure(clip, table.split, truth, rows, {titles[m]: folder.looks[m] for m in strips})
        path = folder.out / "figures" / f"slices-{slug(table.split)}-{slug(clip)}"
        caption = f"Column {truth.column} of every frame of {clip}, time to the right; {table.split}."
        pictures.append(_picture(draw_slices(figure, path, folder.formats), caption))
    return pictures


def _picture(written: Sequence[Path], caption: str) -> Picture:
    from PIL import Image

    by_kind = {p.suffix: p for p in written}
    with Image.open(by_kind[".png"]) as image:
        wide, high = image.size
    return Picture(by_kind[".png"], by_kind.get(".pdf"), caption, (wide // 2, high // 2))
