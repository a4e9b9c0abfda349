"""The static page: tables and figures of a board on one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from reports.gallery import Picture
from reports.model import Table
from vfsrbench.board import Board
from vfsrbench.files import whole_file
from vfsrbench.schema import JobRecord
from vfsrbench.store import slug

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """One split on the page; `files` are the table's other forms."""

    table: Table
    files: Sequence[Path]
    pictures: Sequence[Picture]


@cache
def environment() -> Environment:
    """The templates. Everything that is put into them is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def link(path: Path, page: Path) -> str:
    """A relative address of `path` on the page, safe for any file name."""
    return quote(path.relative_to(page.parent).as_posix())


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


def write_page(
    page: Path,
    board: Board,
    sections: Sequence[Section],
    overall: Sequence[Picture],
    records: Sequence[JobRecord],
) -> Path:
    """Write the page; the figures and tables that it names must lie below its folder. `overall` are the
    figures over all splits."""
    from markupsafe import Markup

    from reports.formats import to_html

    def figure(picture: Picture) -> Markup:
        wide, high = picture.size
        pdf = "" if picture.pdf is None else Markup(' <a href="{}">PDF</a>').format(link(picture.pdf, page))
        return Markup(
            '<figure><img src="{}" alt="{}" width="{}" height="{}" loading="lazy">'
            "<figcaption>{}{}</figcaption></figure>\n"
        ).format(link(picture.png, page), picture.caption, wide, high, picture.caption, pdf)

    shown = [
        {
            "anchor": slug(s.table.split),
            "table": s.table,
            "html": Markup(to_html(s.table)),  # escaped by its own template
            "files": [{"name": f.suffix[1:].upper(), "path": link(f, page)} for f in s.files],
            "groups": _grouped(s.pictures, figure),
        }
        for s in sections
    ]
    text = (
        environment()
        .get_template("index.html")
        .render(
            board=board,
            demo=any(s.table.demo for s in sections),
            sections=shown,
            overall=_grouped(overall, figure),
            facts=facts(records),
        )
    )
    with whole_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return page


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
        "Finished": sorted(r.finished for r in records if r.finished)[-1:],
    }
    unique = {name: list(dict.fromkeys(v for v in values if v)) for name, values in found.items()}
    return [(name, ", ".join(values)) for name, values in unique.items() if values]
