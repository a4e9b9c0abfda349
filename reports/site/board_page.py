"""The board's page: its tables and figures, with what leads on from them; it needs nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.gallery import Picture
from reports.material import Material
from reports.site.templates import environment, link
from reports.tables.model import Table
from reports.tables.wins import wins_lines
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.names import slug
from vfsrbench.results.load import written_at
from vfsrbench.results.schema import JobRecord

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """One split on the page; `files` are the table's other forms."""

    table: Table
    files: Sequence[Path]
    pictures: Sequence[Picture]


SCRIPTS = {
    "board": ("sortable.min.js", "common.js", "chart.js", "legend.js", "scatter.js", "board.js"),
    "clip": ("sortable.min.js", "common.js", "chart.js", "legend.js", "player.js", "clip.js"),
    "jobs": ("sortable.min.js", "common.js", "jobs.js"),
    "worst": (),
}
"""What each kind of page of a site runs."""
GROUPS = {
    "curves": "Over time",
    "averages": "Over time, mean clip",
    "jumps": "Worst jump",
    "persons": "By person",
    "speed": "Quality against speed",
    "slices": "One column over time",
    "grids": "Frames and details",
    "levels": "Over all levels",
}

DRAWN = ("curves", "averages", "persons", "speed", "levels")
"""Kinds of figures without pictures in them: a dark page turns their light and dark round."""


@dataclass(frozen=True)
class Extras:
    """What leads on from the board's page: other pages, where cells and names lead (empty: nowhere), the
    clips one by one; `notes` say what the site holds and what it could not show."""

    pages: Sequence[tuple[str, str]]
    notes: Sequence[str]
    cell: Callable[[Table, str, str], str]
    who: Callable[[Table, str], str]
    clips: Callable[[Table], object]


def write_page(
    page: Path,
    material: Material,
    sections: Sequence[Section],
    overall: Sequence[Picture],
    more: Extras,
    partial: bool = False,
) -> Path:
    """Write the board's page; the figures and tables that it names must lie below its folder. `overall` are
    the figures over all splits."""
    from markupsafe import Markup

    from reports.site.table_html import to_html

    def figure(picture: Picture) -> Markup:
        wide, high = picture.size
        drawn = Markup(' class="drawn"') if picture.kind in DRAWN else ""
        pdf = "" if picture.pdf is None else Markup(' <a href="{}">PDF</a>').format(link(picture.pdf, page))
        image = Markup('<img src="{}" alt="{}" width="{}" height="{}" loading="lazy">').format(
            link(picture.png, page), picture.caption, wide, high
        )
        if picture.dark is not None:
            other = Markup('<picture><source srcset="{}" media="(prefers-color-scheme: dark)">{}</picture>')
            image = other.format(link(picture.dark, page), image)
        return Markup("<figure{}>{}<figcaption>{}{}</figcaption></figure>\n").format(
            drawn, image, picture.caption, pdf
        )

    def section(s: Section) -> dict[str, object]:
        html = to_html(
            s.table,
            partial=partial,
            link=lambda method, metric: more.cell(s.table, method, metric),
            who=lambda method: more.who(s.table, method),
            sortable=True,
        )
        return {
            "anchor": slug(s.table.split),
            "table": s.table,
            "html": Markup(html),  # escaped by its own template
            "files": [{"name": _file_title(f), "path": link(f, page)} for f in s.files],
            "wins": [(w, wins_lines(w)) for w in s.table.wins],
            "groups": _grouped(s.pictures, figure),
            "clips": more.clips(s.table),
        }

    splits = {s.table.split for s in sections}
    write_html(
        page,
        "index.html",
        title=material.board.title,
        root="",
        scripts=SCRIPTS["board"],
        pages=more.pages,
        notes=more.notes,
        board=material.board,
        demo=any(s.table.demo for s in sections),
        sections=[section(s) for s in sections],
        overall=_grouped(overall, figure),
        facts=facts([r.record for r in material.results if r.record.split in splits]),
    )
    return page


def write_html(page: Path, template: str, **values: object) -> Path:
    """Fill a template into a file."""
    text = environment().get_template(template).render(**values)
    with atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


def _file_title(path: Path) -> str:
    return "clips won" if path.stem.endswith("-wins") else path.suffix[1:].upper()


def _grouped(
    pictures: Sequence[Picture], show: Callable[[Picture], Markup]
) -> list[tuple[str, list[Markup]]]:
    kinds = dict.fromkeys(p.kind for p in pictures)
    return [(GROUPS[kind], [show(p) for p in pictures if p.kind == kind]) for kind in kinds]


def facts(records: Sequence[JobRecord]) -> list[tuple[str, str]]:
    """What made the figures, in a few lines: versions, devices, recipes, seeds, weights, warnings."""
    found: dict[str, list[str]] = {
        "Versions": [f"{name} {v}" for r in records for name, v in sorted(r.versions.items())],
        "Device": [r.device for r in records],
        "Data set": [r.dataset for r in records],
        "Seed": [str(r.seed) for r in records],
        "Recipes": [f"{r.split} {r.recipe_digest[:12]}" for r in records if r.recipe_digest],
        "Aligned": ["yes" if r.aligned else "no" for r in records],
        "Weights": [f"{n} {h[:12]}" for r in records for n, h in sorted(r.weights.items())],
        "Metrics": [f"{m} version {v}" for r in records for m, v in r.metrics.items()],
        "Finished": [max(records, key=written_at).finished] if records else [],
    }
    unique = {name: list(dict.fromkeys(v for v in values if v)) for name, values in found.items()}
    return [(name, ", ".join(values)) for name, values in unique.items() if values]
