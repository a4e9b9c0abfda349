"""`vfsrbench report`: everything a board's results can show, written into one folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.figures.kept import Figures
from reports.gallery import Gallery, Picture, Planned
from reports.material import Material, gather
from reports.site.board_page import Section
from reports.site.media import Media
from reports.site.site import write_site
from reports.site.table_html import to_html
from reports.staging import staged
from reports.tables.formats import to_csv, to_json, to_latex, to_latex_splits, to_markdown
from reports.tables.model import Table
from reports.tables.wins import wins_csv
from vfsrbench.board import Board
from vfsrbench.hashing.code import our_sources
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.names import slug
from vfsrbench.io.safety.targets import claim_folder, refuse_overlap
from vfsrbench.results.workspace import FOLDERS
from vfsrbench.runs.sources.known_syntax import known_syntax

FILES = (
    "index.html", "worst.html", "provenance.html", "leaderboard.csv", "leaderboard.json", "leaderboard.md",
    "leaderboard.tex", "tables", "figures", "assets", "clips", "media",
)  # fmt: skip
"""What lies in a report's folder, a site's too."""
ProgressCallback = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What was written: the page, every file, and the tables themselves. `skipped` says what is left out."""

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
    formats: Sequence[str] = ("png",),
    partial: bool = False,
    site: bool = False,
    only: Sequence[str] = (),
    said: frozenset[str] = frozenset(),
    bundles: Sequence[str | Path] = (),
    workers: int = 1,
    progress: ProgressCallback = lambda what: None,
) -> Report:
    """Tables, figures and the page of a board, from the results in `workspace`, into `out`.

    Every result counts that fits the protocol of the board's last run (`reports.inputs.selection`), whichever
    run made it. `results` names files or folders of results to use instead; `clips` those that the run
    planned, so that a row without them counts as incomplete; `outputs` where somebody's own restored clips
    lie, by method; `bundles` are files whose rows stand beside; `only` narrows to these methods; `said` names
    what of the board (`dataset`, `frames`, `scale`, `seed`) is not to be taken from its last run; `partial`
    prints means over incomplete rows too; `site` adds a page a clip, with players, and where to look first;
    the board's page is the same, and a site that lies in `out` already is written again as a whole; `formats`
    of figures begins with png, and gets pdf if an earlier report wrote that here; `workers` processes draw
    them (a script that asks for more than one needs `if __name__ == "__main__":`). `progress` hears what is
    being made.
    InputError when there are no results, or when `out` cannot be written, overlaps what is read, or holds
    files that we did not make and that have the names of ours.
    """
    refuse_overlap(out, [*_inputs(board, workspace), *results, *bundles, *(outputs or {}).values()])
    with known_syntax(our_sources(), workspace / "cache" / "syntax.json"):
        material = gather(board, workspace, results, clips, outputs, only, said, bundles=bundles)
        refuse_overlap(out, _inputs(material.board, workspace))
        claim_folder(out, FILES, lasting=["media"])
        site = site or (out / "worst.html").is_file()  # a site that is there stays whole
        with staged(out) as folder:
            built = _build(material, folder, out, formats, partial, site, workers, progress)
    material.frames.unchanged.keep()
    written = [out / path.relative_to(folder) for path in built]
    skipped = (*material.skipped, *material.losses.lines)
    return Report(written[0], material.tables, tuple(written), skipped)


def _build(
    material: Material,
    folder: Path,
    out: Path,
    formats: Sequence[str],
    partial: bool,
    site: bool,
    workers: int,
    progress: ProgressCallback,
) -> list[Path]:
    """Write a report into `folder`; the page first, then every other file. Media that `out` has are kept, and
    figures that would be drawn alike."""
    unchanged = material.frames.unchanged
    figures = Figures(folder / "figures", out / "figures", formats, workers, unchanged=unchanged)
    gallery = Gallery(figures, material)
    files: list[Path] = []
    asked = []
    for table in material.tables:
        progress(f"{table.split}: tables")
        written = _write_tables(folder / "tables" / slug(table.split), [table], partial)
        progress(f"{table.split}: figures")
        asked.append((table, written, gallery.of_split(table, material.grid(table))))
    asked_overall = gallery.of_board(material.tables)
    note = figures.finish()
    sections = [Section(table, written, _pictures(planned)) for table, written, planned in asked]
    overall = _pictures(asked_overall)
    for section in sections:
        files += [*section.files, *(p for picture in section.pictures for p in picture.files)]
    files += [*_write_all(folder, material.tables), *(p for picture in overall for p in picture.files), *note]
    index = folder / "index.html"
    media = Media(folder / "media", out / "media") if site else None
    pages = write_site(material, index, media, sections, overall, progress, partial)
    return [index, *files, *(page for page in pages if page != index)]


def _pictures(planned: Iterable[Planned]) -> list[Picture]:
    return [picture for one in planned for picture in one.pictures()]


def _inputs(board: Board, workspace: Path) -> list[Path]:
    """What a report reads of itself. The workspace may hold it, but for the folders that runs write."""
    dataset = [] if board.dataset.path is None else [Path(board.dataset.path)]
    return [*(workspace / name for name in FOLDERS), *dataset]


def _write_tables(stem: Path, tables: Sequence[Table], partial: bool) -> list[Path]:
    texts = {
        "csv": to_csv(tables),
        "json": to_json(tables),
        "md": "\n".join(to_markdown(t, partial=partial) for t in tables),
        "tex": "\n".join(to_latex(t, partial=partial) for t in tables),
        "html": "\n".join(to_html(t, partial=partial) for t in tables),
    }
    written = [_write(stem.parent / f"{stem.name}.{kind}", text) for kind, text in texts.items()]
    if any(table.wins for table in tables):
        written.append(_write(stem.parent / f"{stem.name}-wins.csv", wins_csv(tables)))
    return written


def _write_all(out: Path, tables: Sequence[Table]) -> list[Path]:
    texts = {"leaderboard.csv": to_csv(tables), "leaderboard.json": to_json(tables)}
    texts["leaderboard.md"] = "\n".join(map(to_markdown, tables))
    texts["leaderboard.tex"] = to_latex_splits(tables)
    return [_write(out / name, text) for name, text in texts.items()]


def _write(path: Path, text: str) -> Path:
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
