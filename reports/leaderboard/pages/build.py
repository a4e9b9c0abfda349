"""Builds the pages of a leaderboard beside the old ones, which they then replace."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from reports.leaderboard.config import Config, read_config
from reports.leaderboard.entries import Entry
from reports.leaderboard.history import Past, history_of
from reports.leaderboard.pages import home, method
from reports.leaderboard.pages.papers import spreads, transcribed
from reports.leaderboard.pages.parity import against_official
from reports.leaderboard.standing import standing
from reports.leaderboard.tree import FolderTree
from reports.site.templates import environment
from reports.staging import staged
from vfsrbench.io.atomic import atomic_file
from vfsrbench.io.names import slug
from vfsrbench.io.safety.targets import claim_folder, refuse_overlap

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
SITE = HERE.parents[1] / "site"
_ASSETS = (
    SITE / "templates" / "style.css",
    SITE / "assets" / "site.css",
    SITE / "assets" / "common.js",
    SITE / "vendor" / "sortable" / "sortable.min.js",
    HERE / "assets" / "leaderboard.css",
    HERE / "assets" / "home.js",
)
FILES = ("index.html", "assets", "methods")


@dataclass(frozen=True)
class Built:
    """A site that was built: its first page, and what is on it."""

    index: Path
    boards: int
    methods: int
    rows: int
    left_out: tuple[str, ...] = ()


def build_site(root: Path, out: Path, progress: Callable[[str], None] = lambda what: None) -> Built:
    """Build the pages of the leaderboard in `root` into `out`.

    Raises:
        InputError: `root` is no leaderboard, or `out` cannot be written or holds files of somebody else.
    """
    tree = FolderTree(root)
    config = read_config(tree)
    refuse_overlap(out, [root / name for name in ("submissions", "boards", ".git", ".github")])
    stands = standing(tree, config, progress=progress)
    progress("history")
    past = history_of(root, {entry.file for entry in stands.entries if entry.file})
    return write_pages(config, stands.entries, past, out, stands.left_out)


def write_pages(
    config: Config,
    entries: Sequence[Entry],
    past: Mapping[str, Sequence[Past]],
    out: Path,
    left_out: Sequence[str] = (),
) -> Built:
    """Write the pages of rows that are at hand."""
    claim_folder(out, FILES)
    pages = _Pages(config, entries, past)
    with staged(out) as folder:
        pages.write(folder, left_out)
    return Built(
        out / "index.html",
        len(config.boards),
        len(pages.methods),
        sum(bool(e.lab) for e in entries),
        tuple(left_out),
    )


@dataclass
class _Pages:
    config: Config
    entries: Sequence[Entry]
    past: Mapping[str, Sequence[Past]]
    methods: dict[str, list[Entry]] = field(init=False)

    def __post_init__(self) -> None:
        self.methods = {}
        for entry in self.entries:
            if entry.lab:
                self.methods.setdefault(entry.method, []).append(entry)
        self.templates = _templates()

    def write(self, folder: Path, left_out: Sequence[str]) -> None:
        for source in (*_ASSETS, SITE / "vendor" / "sortable" / "LICENSE.txt"):
            name = "sortable.LICENSE.txt" if source.name == "LICENSE.txt" else source.name
            with atomic_file(folder / "assets" / name) as temporary:
                shutil.copyfile(source, temporary)
        self._home(folder / "index.html", left_out)
        figures = transcribed()
        for name, own in self.methods.items():
            self._fill(
                folder / "methods" / f"{slug(name)}.html",
                "method.html",
                title=f"{own[0].title}, {self.config.settings.title}",
                root="../",
                scripts=("sortable.min.js", "common.js"),
                pages=[("All boards", "../index.html")],
                name=name,
                entry=own[0],
                facts=method.facts(own[0]),
                boards=method.on_boards(self.config, own, lambda _: ""),
                costs=method.costs(own),
                parity=against_official(name.partition("[")[0]),
                again=method.again(own),
                why=_reasons(own),
                papers=spreads(figures, name.partition("[")[0]),
                history=method.submissions(self.config, own, self.past),
            )

    def _home(self, page: Path, left_out: Sequence[str]) -> None:
        sections = [
            home.section(self.config, board, self.entries, self._address) for board in self.config.boards
        ]
        self._fill(
            page,
            "home.html",
            title=self.config.settings.title,
            root="",
            scripts=("sortable.min.js", "common.js", "home.js"),
            pages=(),
            settings=self.config.settings,
            sections=sections,
            menus=home.choices(sections),
            left_out=left_out,
        )

    @staticmethod
    def _address(name: str) -> str:
        return f"methods/{quote(slug(name))}.html"

    def _fill(self, page: Path, template: str, **values: object) -> None:
        text = self.templates.get_template(template).render(**values)
        with atomic_file(page) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _reasons(entries: Sequence[Entry]) -> list[str]:
    """Why rows are in the open division, and what is off about their frames."""
    found: dict[str, None] = {}
    for entry in entries:
        where = f"{entry.board}, {entry.lab}"
        if entry.why_open:
            found[f"{where}: open division: {entry.why_open}"] = None
        found |= dict.fromkeys(f"{where}, {entry.split}: {doubt}" for doubt in entry.doubts)
    return list(found)


def _templates() -> Environment:
    """The templates of all pages, and those of a leaderboard; what is put into them is escaped."""
    from jinja2 import FileSystemLoader

    folders = [HERE / "templates", SITE / "templates"]
    return environment().overlay(loader=FileSystemLoader(folders))
