"""The site: the board's page and provenance; where it is asked for, a page a clip and where to look first."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np

from reports.gallery import Picture
from reports.inputs.results import Grid
from reports.material import Material
from reports.site import clip_data, provenance, worst
from reports.site.board_page import SCRIPTS, Extras, Section, write_html, write_page
from reports.site.media import Media
from reports.site.templates import link
from reports.tables.model import Column, Table
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.names import slug

HERE = Path(__file__).parent
_ASSETS = (
    HERE / "templates" / "style.css",
    HERE / "vendor" / "sortable" / "sortable.min.js",
    *sorted((HERE / "assets").iterdir()),
)
Posters = dict[tuple[str, str, str], Path]


def write_site(
    material: Material,
    index: Path,
    media: Media | None,
    sections: Sequence[Section],
    overall: Sequence[Picture],
    progress: Callable[[str], None],
    partial: bool,
) -> list[Path]:
    """Write the board's page at `index` and all others beside it; the paths of all of them, `index` first.

    With `media`, through which pictures and videos go, each clip has a page; without, the board's page is the
    same, but nothing on it leads to clips.
    """
    site = _Site(material, index.parent, media)
    written = site.assets()
    if media is not None:
        for table in material.tables:
            grid = material.grid(table)
            for clip in grid.clips:
                progress(f"{table.split}: page of {clip}")
                written += site.clip_page(table, grid, clip, media)
        progress("worst clips")
        written.append(site.worst_page())
    progress("provenance")
    written.append(site.provenance_page())
    extras = Extras(site.pages(""), site.notes(), site.cell, site.who, site.by_clip)
    write_page(index, material, sections, overall, extras, partial)
    return [index, *written, *(media.files() if media is not None else ())]


@dataclass(frozen=True)
class _Site:
    """`posters` and `absent` (what of how many clips could not be shown) fill as clips' pages are written."""

    material: Material
    root: Path
    media: Media | None
    posters: Posters = field(default_factory=dict)
    absent: Counter[str] = field(default_factory=Counter)

    def assets(self) -> list[Path]:
        """Styles and scripts, the table library's licence with it."""
        folder = self.root / "assets"
        sources = [*_ASSETS, HERE / "vendor" / "sortable" / "LICENSE.txt"]
        names = [p.name for p in _ASSETS] + ["sortable.LICENSE.txt"]
        for source, name in zip(sources, names, strict=True):
            with atomic_file(folder / name) as temporary:
                shutil.copyfile(source, temporary)
        return [folder / name for name in names]

    def pages(self, root: str) -> list[tuple[str, str]]:
        """The links on top of every page; `root` leads from there to the site's folder."""
        first = [("Where to look first", f"{root}worst.html")] if self.media is not None else []
        return [("Board", f"{root}index.html"), *first, ("Provenance", f"{root}provenance.html")]

    def place(self, split: str, clip: str) -> Path:
        return self.root / "clips" / slug(split) / f"{slug(clip)}.html"

    def address(self, split: str, clip: str, **asked: str) -> str:
        """A clip's page as the board's page calls it."""
        text = quote(self.place(split, clip).relative_to(self.root).as_posix())
        return f"{text}#{urlencode(asked)}" if asked else text

    def cell(self, table: Table, method: str, metric: str) -> str:
        """A cell leads to the clip on which that method does worst, if clips have pages."""
        if self.media is None:
            return ""
        grid = self.material.grid(table)
        column = next(c for c in table.columns if c.id == metric)
        clip = worst_clip(grid, method, column)
        return "" if clip is None else self.address(table.split, clip, method=method, metric=metric)

    def who(self, table: Table, method: str) -> str:
        """A method's name leads to what is recorded of its jobs."""
        return f"provenance.html#{urlencode({'method': method, 'split': table.split})}"

    def by_clip(self, table: Table) -> object:
        grid = self.material.grid(table)
        if not table.rows:
            return None

        def address(clip: str) -> str:
            return "" if self.media is None else self.address(table.split, clip)

        return clip_data.board_clips(table, grid, address, self.material.looks)

    def clip_page(self, table: Table, grid: Grid, clip: str, media: Media) -> list[Path]:
        """One clip in one split; nothing when no job on it ended well."""
        records = {m: r.record for m in grid.methods if (r := grid.cells.get((m, clip)))}
        if not any(r.status == "ok" for r in records.values()):
            return []
        page = self.place(table.split, clip)
        up = "../../"

        def address(path: Path) -> str:
            return up + quote(path.relative_to(self.root).as_posix())

        good = {m: r for m, r in records.items() if r.status == "ok"}
        tracks = clip_data.ClipTracks(self.material, media, table, good, address).all()
        for track in tracks:
            if track["poster"]:
                self.posters[table.split, track["id"], clip] = media.folder / Path(track["poster"]).name
        first = next(iter(good.values()))
        absent = [
            name
            for track, name in ((clip_data.TRUTH_ID, "ground truth"), (clip_data.DEGRADED_ID, "input"))
            if any(t["id"] == track and not t["video"] for t in tracks)
        ]
        self.absent.update(absent)
        column = self.material.strips.place(first)
        shown = grid.clips
        at = shown.index(clip)
        write_html(
            page,
            "clip.html",
            title=f"{clip}, {table.split}",
            root=up,
            scripts=SCRIPTS["clip"],
            pages=self.pages(up),
            table=table,
            clip=clip,
            record=first,
            data=clip_data.clip_data(self.material, table, grid, clip, tracks),
            playable=any(t["video"] for t in tracks),
            absent=absent,
            kept=any(t["video"] for t in tracks if not t.get("reference")),
            sliced=any(t.get("strip") for t in tracks),
            column="" if column is None else str(column),
            others=[
                (t.split, link_between(page, self.place(t.split, clip)))
                for t in self.material.tables
                if t.split != table.split and t.rows
            ],
            before=link_between(page, self.place(table.split, shown[at - 1])) if at else "",
            after=link_between(page, self.place(table.split, shown[at + 1])) if at + 1 < len(shown) else "",
            behind=f"{up}provenance.html#{urlencode({'split': table.split, 'clip': clip})}",
            failed=[r for r in records.values() if r.status != "ok"],
        )
        return [page]

    def worst_page(self) -> Path:
        groups = []
        for table in self.material.tables:
            grid = self.material.grid(table)
            titles = {r.method: r.title for r in table.rows}
            for column in (c for c in table.columns if c.direction != "none"):
                lists = [
                    ("Furthest behind the median of the clip", worst.worst_results(table, grid, column)),
                    ("Clips on which methods disagree most", worst.disagreements(table, grid, column)),
                    ("Worst jumps within a clip", worst.jumps(table, grid, column)),
                ]
                cards = [
                    (head, [self._card(table, column, find, titles) for find in finds])
                    for head, finds in lists
                    if finds
                ]
                if cards:
                    groups.append((table, column, cards))
        return write_html(
            self.root / "worst.html",
            "worst.html",
            title=f"Where to look first, {self.material.board.title}",
            root="",
            scripts=SCRIPTS["worst"],
            pages=self.pages(""),
            groups=groups,
        )

    def _card(self, table: Table, column: Column, find: worst.Find, titles: dict[str, str]) -> dict[str, str]:
        poster = self.posters.get((table.split, find.method, find.clip))
        asked = {"method": find.method, "metric": column.id, "frame": str(find.frame)}
        return {
            "href": self.address(table.split, find.clip, **asked),
            "poster": "" if poster is None else link(poster, self.root / "worst.html"),
            "method": titles[find.method],
            "clip": find.clip,
            "text": find.text,
        }

    def provenance_page(self) -> Path:
        splits = {t.split for t in self.material.tables}
        found = [r for r in self.material.results if r.record.split in splits]
        return write_html(
            self.root / "provenance.html",
            "provenance.html",
            title=f"Provenance, {self.material.board.title}",
            root="",
            scripts=SCRIPTS["jobs"],
            pages=self.pages(""),
            jobs=provenance.jobs(found),
        )

    def notes(self) -> list[str]:
        """What the site weighs, what its pictures are, and what could not be shown."""
        if self.media is None:
            notes = [
                "`vfsrbench report BOARD --html FOLDER` adds a page a clip, with players where frames were "
                "kept."
            ]
            if self.material.losses.lines:
                notes.append("Some frames could not be shown; the report printed which, and why.")
            return notes
        files, size = self.media.weight()
        notes = [
            f"Pictures and videos of this site: {files} files, {size / 2**20:.1f} MiB, fetched as they come "
            "into view. They are compressed for looking at: no figure was computed from them."
        ]
        if not any(self.material.frames.has_restored(r.record) for r in self.material.results):
            notes = ["The restored frames were not kept, so there are no players: run with --keep video."]
        for what, clips in self.absent.items():
            pages = "page" if clips == 1 else "pages"
            notes.append(f"Not shown on {clips} {pages}: the {what}, not found where the run read it.")
        return notes


def link_between(page: Path, other: Path) -> str:
    """The address of one page on another, both below the site."""
    return quote(Path(os.path.relpath(other, page.parent)).as_posix())


def worst_clip(grid: Grid, method: str, column: Column) -> str | None:
    """The clip with the method's worst value; None if it has none or the metric has no direction."""
    values = grid.clip_values(method, column.id)
    known = np.isfinite(values)
    if not known.any() or column.direction == "none":
        return None
    turned = np.where(known, values if column.direction == "higher" else -values, np.inf)
    return grid.clips[int(turned.argmin())]
