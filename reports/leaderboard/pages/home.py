"""The home page's data: a section a board, a table a split, with what its rows are filtered by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports.leaderboard.config import Config
from reports.leaderboard.entries import Entry
from reports.leaderboard.tables import row_name, tables_of
from reports.tables.layout import Layout, Line, lay_out
from reports.tables.model import Table
from vfsrbench.io.names import slug

UNKNOWN = "not known"


@dataclass(frozen=True)
class Tag:
    """What a row is filtered by, and where its name leads."""

    title: str
    doubts: str
    lab: str
    division: str
    year: str
    licence: str
    verdict: str
    page: str


@dataclass(frozen=True)
class Sheet:
    """One split of a board."""

    table: Table
    layout: Layout
    tags: Mapping[str, Tag]

    def lines(self, kind: str) -> list[Line]:
        """Its lines of a kind."""
        return [line for line in self.layout.lines if line.kind == kind]


@dataclass(frozen=True)
class Section:
    """A board on the home page: its sheets, and what the list of boards says of it."""

    name: str
    anchor: str
    title: str
    description: str
    clips: int
    methods: int
    labs: int
    leads: str
    lead_page: str
    no_order: str
    sheets: tuple[Sheet, ...]


def section(config: Config, board: str, entries: Sequence[Entry], page: Callable[[str], str]) -> Section:
    """A board's section; `page` gives the address of a method's page."""
    rules = config.boards[board]
    own = [entry for entry in entries if entry.board == board]
    sheets = tuple(_sheet(config, table, own, page) for table in tables_of(config, board, own))
    rivals = [entry for entry in own if entry.lab]
    ordered = any(not column.gameable for sheet in sheets[:1] for column in sheet.table.columns)
    first = [line for sheet in sheets[:1] if ordered for line in sheet.lines("method")]
    lead = sheets[0].tags.get(first[0].method) if first else None
    return Section(
        name=board,
        anchor=f"board-{slug(board)}",
        title=rules.title,
        description=rules.description,
        clips=len(rules.clips),
        methods=len({entry.method for entry in rivals}),
        labs=len({entry.lab for entry in rivals}),
        leads="" if lead is None else f"{lead.title}, {lead.lab}",
        lead_page="" if lead is None else lead.page,
        no_order="".join(sheet.table.no_order for sheet in sheets[:1]),
        sheets=sheets,
    )


def _sheet(config: Config, table: Table, entries: Sequence[Entry], page: Callable[[str], str]) -> Sheet:
    tags = {row_name(e): tag(config, e, page) for e in entries if e.split == table.split}
    return Sheet(table, lay_out(table), tags)


def tag(config: Config, entry: Entry, page: Callable[[str], str]) -> Tag:
    """What a row is filtered by."""
    return Tag(
        title=entry.title,
        doubts=", ".join(entry.doubts),
        lab=entry.lab,
        division=config.settings.divisions.get(entry.division, entry.division) if entry.lab else "",
        year=str(entry.facts.year or UNKNOWN),
        licence=entry.facts.licence or UNKNOWN,
        verdict=entry.verdict or "not checked here",
        page=page(entry.method) if entry.lab else "",
    )


def choices(sections: Sequence[Section]) -> list[tuple[str, str, list[str]]]:
    """The menus: (attribute, label, values in order)."""
    tags = [t for s in sections for sheet in s.sheets for t in sheet.tags.values() if t.lab]
    menus = []
    for name, label in (
        ("division", "Division"),
        ("year", "Year"),
        ("licence", "Licence"),
        ("verdict", "Verdict"),
        ("lab", "Laboratory"),
    ):
        found = sorted({getattr(t, name) for t in tags}, reverse=name == "year")
        menus.append((name, label, found))
    return menus
