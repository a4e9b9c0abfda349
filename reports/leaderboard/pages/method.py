"""A method's page: rows on all boards, cost, how far laboratories and papers agree, earlier submissions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports.leaderboard.config import Config
from reports.leaderboard.entries import Entry
from reports.leaderboard.history import Past
from reports.leaderboard.pages.home import Tag, tag
from reports.leaderboard.tables import columns_of
from reports.tables.layout import count, heading, number, print_papers, size
from reports.tables.model import Column
from reports.tables.published import figures_of
from reports.tables.rounding import significant
from vfsrbench.io.names import slug


@dataclass(frozen=True)
class Line:
    """A row of a table on the page: its head, cells, and how it looks."""

    head: tuple[str, ...]
    cells: tuple[tuple[str, str], ...]
    kind: str = ""


@dataclass(frozen=True)
class OnBoard:
    """The method on one board. `apart` says how far laboratories differ, a line a metric."""

    title: str
    anchor: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    apart: tuple[str, ...]


def facts(entry: Entry) -> list[tuple[str, str, str]]:
    """What the card says: (name, text, address or nothing)."""
    card = entry.facts
    may = {True: "allowed", False: "not allowed", None: "not known"}[card.commercial]
    found = [
        ("Citation", card.paper, ""),
        ("Code", card.url, card.url if card.url.startswith(("https://", "http://")) else ""),
        ("Year", str(card.year or ""), ""),
        ("Licence", card.licence, ""),
        ("Commercial use", may if card.licence else "", ""),
        ("Trained on", card.trained_on, ""),
        ("Parameters", "" if card.parameters is None else count(card.parameters), ""),
        ("GMACs a frame", "" if card.gmacs is None else significant(card.gmacs), ""),
    ]
    return [(name, text, address) for name, text, address in found if text]


def costs(entries: Sequence[Entry]) -> list[tuple[str, ...]]:
    """(laboratory, board, split, frames a second, memory, device) of each row that says so."""
    return [
        (
            e.lab,
            e.board,
            e.split,
            "–" if e.cost.speed is None else significant(e.cost.speed),
            "–" if e.cost.memory is None else size(e.cost.memory),
            e.cost.device or "–",
        )
        for e in entries
        if e.cost.speed is not None or e.cost.memory is not None
    ]


def on_boards(config: Config, entries: Sequence[Entry], page: Callable[[str], str]) -> list[OnBoard]:
    """The method's rows, a table a board, with papers' figures below."""
    return [
        _on_board(config, board, [e for e in entries if e.board == board], page)
        for board in config.boards
        if any(e.board == board for e in entries)
    ]


def _on_board(config: Config, board: str, entries: Sequence[Entry], page: Callable[[str], str]) -> OnBoard:
    rules = config.boards[board]
    columns = columns_of(rules)
    lines: list[Line] = []
    published = figures_of(rules.published)
    for split in rules.recipes:
        here = [e for e in entries if e.split == split]
        lines += [_line(tag(config, e, page), e, columns) for e in here]
        plain = here[0].method.partition("[")[0] if here else ""
        printed = {c.id: published.find(split, plain, c.id) if published and plain else None for c in columns}
        if any(printed.values()):
            cells = ((print_papers(p, c.digits), "") if (p := printed[c.id]) else ("–", "") for c in columns)
            lines.append(Line((split, "papers", "", ""), tuple(cells), "published"))
    heads = ("Split", "Laboratory", "Division", "Verdict", *(heading(c) for c in columns))
    return OnBoard(
        rules.title,
        f"../index.html#board-{slug(board)}",
        heads,
        tuple(lines),
        tuple(_apart(entries, columns)),
    )


def _line(about: Tag, entry: Entry, columns: Sequence[Column]) -> Line:
    cells = []
    for column in columns:
        claim = entry.cells.get(column.id)
        value = None if claim is None else claim.mean
        bounds = ""
        if claim is not None and claim.low is not None and claim.high is not None:
            low, high = number(claim.low, column.digits), number(claim.high, column.digits)
            bounds = f"{low} – {high}" if low != high else ""
        cells.append((number(value, column.digits), bounds))
    return Line((entry.split, entry.lab, about.division, about.verdict), tuple(cells))


def _apart(entries: Sequence[Entry], columns: Sequence[Column]) -> list[str]:
    """How far the rows of several laboratories lie apart, a line a split and metric."""
    found = []
    for split in dict.fromkeys(e.split for e in entries):
        here = [e for e in entries if e.split == split]
        labs = {e.lab for e in here}
        if len(labs) < 2:
            continue
        parts = []
        for column in columns:
            values = [
                c.mean for e in here if (c := e.cells.get(column.id)) is not None and c.mean is not None
            ]
            if len(values) > 1:
                parts.append(f"{column.title} {max(values) - min(values):.3g}")
        found.append(f"{split}: {len(labs)} laboratories lie at most this far apart: {', '.join(parts)}")
    return found


def again(entries: Sequence[Entry]) -> list[str]:
    """What scoring or restoring again here found, a line a row."""
    return [
        f"{e.board}, {e.split}, {e.lab}: {e.verdict}; largest difference of a value: "
        + ", ".join(f"{d.metric} {d.largest:.2g} (allowed {d.allowed:.2g})" for d in e.differences)
        for e in entries
        if e.differences
    ]


@dataclass(frozen=True)
class Submissions:
    """The submissions of one file, the newest first: (day, content, split, values)."""

    lab: str
    board: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def submissions(
    config: Config, entries: Sequence[Entry], past: Mapping[str, Sequence[Past]]
) -> list[Submissions]:
    """The history of the method's rows."""
    made = []
    for file, entry in {e.file: e for e in entries}.items():
        columns = columns_of(config.boards[entry.board])
        lines = [
            (one.day, one.digest[:12], split, *(_value(values.get(c.id), c) for c in columns))
            for one in past.get(file, ())
            for split, values in one.values.items()
        ]
        if lines:
            heads = ("Day", "Content", "Split", *(heading(c) for c in columns))
            made.append(Submissions(entry.lab, entry.board, heads, tuple(lines)))
    return made


def _value(claim: object, column: Column) -> str:
    return number(getattr(claim, "mean", None), column.digits)
