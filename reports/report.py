"""`vfsrbench report`: everything a board's results can show, written into one folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.formats import to_csv, to_html, to_json, to_latex, to_markdown
from reports.frames import Frames
from reports.gallery import Gallery
from reports.leaderboard import Sources, build_tables
from reports.model import Table
from reports.page import Section, write_page
from reports.published import figures_of
from reports.results import Grid, Result, read_results
from reports.style import looks
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.files import whole_file
from vfsrbench.store import read_selection, slug
from vfsrbench.strips import StripStore
from vfsrbench.workspace import Workspace

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What was written: the page, every file, and the tables themselves. `skipped` names unreadable files."""

    index: Path
    tables: tuple[Table, ...]
    files: tuple[Path, ...]
    skipped: tuple[str, ...] = ()


def build_report(
    board: Board,
    workspace: Path,
    out: Path,
    *,
    results: Sequence[Path] = (),
    clips: Sequence[str] = (),
    outputs: Mapping[str, Path] | None = None,
    formats: Sequence[str] = ("png", "pdf"),
    partial: bool = False,
    progress: Tell = lambda what: None,
) -> Report:
    """Tables, figures and the page of a board, from the results in `workspace`, into `out`.

    `results` names files or folders of results to use instead of those of the board's last run; `clips`
    those that the run planned, so that a row without them counts as incomplete; `outputs` where somebody's
    own restored clips lie, by method; `partial` prints means over incomplete rows too. `progress` hears
    what is being made. InputError when there are no results, or `out` cannot be written.
    """
    place = Workspace(workspace)
    found, skipped = load(board, place, results)
    sources = default_sources(board, found, clips)
    tables = build_tables(board, found, sources)
    shown = {row.method for table in tables for row in table.rows}
    gallery = Gallery(
        out / "figures",
        board,
        StripStore(place.slices, board.figures.slice_column),
        Frames(place, board.dataset, outputs or {}),
        looks(shown, shown & sources.yardsticks),
        sources.yardsticks,
        formats,
    )
    files: list[Path] = []
    sections = []
    for table in tables:
        progress(f"{table.split}: tables")
        written = _write_tables(out / "tables" / slug(table.split), [table], partial)
        progress(f"{table.split}: figures")
        grid = Grid.of(found, table.split, [r.method for r in table.rows], table.clips)
        pictures = gallery.of_split(table, grid)
        sections.append(Section(table, written, pictures))
        files += [*written, *(p for picture in pictures for p in picture.files)]
    overall = gallery.of_board(tables)
    files += [*_write_all(out, tables), *(p for picture in overall for p in picture.files)]
    records = [r.record for r in found if r.record.split in board.splits]
    index = write_page(out / "index.html", board, sections, overall, records)
    return Report(index, tuple(tables), (index, *files), tuple(skipped))


def load(board: Board, workspace: Workspace, results: Sequence[Path] = ()) -> tuple[list[Result], list[str]]:
    """The results to report: those named, or those of the board's last run, or all in the workspace."""
    chosen = list(results) or read_selection(workspace.selection(board.name)) or [workspace.store.root]
    if not results and board.published is not None and not workspace.store.root.exists():
        return [], []
    return read_results(chosen)


def default_sources(board: Board, found: Sequence[Result], clips: Sequence[str] = ()) -> Sources:
    """What the installed cards say about the metrics and methods that appear, and the paper's figures."""
    installed = plugins.methods().entries
    fed_truth = {name for name, entry in installed.items() if entry.card.source == "gt"}
    names = {r.record.method for r in found}
    return Sources(
        cards={name: entry.card for name, entry in plugins.metrics().entries.items()},
        yardsticks=frozenset(m for m in names if m.partition("[")[0] in fed_truth),
        clips=clips,
        published=None if board.published is None else figures_of(board.published),
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
