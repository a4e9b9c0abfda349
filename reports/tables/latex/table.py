"""A leaderboard as a booktabs table: of one split, or of several under grouped headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.tables.latex.escape import tex, tex_caption, tex_heading, tex_unit
from reports.tables.latex.pieces import Piece, cell, heads, joined, name, row, text, widths
from reports.tables.latex.sheet import Sheet
from reports.tables.layout import DROPPED_FIRST, Layout, Line, lay_out
from reports.tables.model import Table
from reports.tables.shown.headings import column_facts

MARKED = "Best in bold, second underlined."
KINDS = ("method", "reference", "published")


def to_latex(table: Table, *, intervals: bool = False, partial: bool = False) -> str:
    """A split's table: best in bold, second underlined, units in the caption, which says what found faces,
    too.

    It has the width of a column where it fits, else of the page (`table*`), made smaller where it is wider.
    Facts that would make it too small are left out; a comment names them. Needs booktabs and graphicx.
    """
    layout, left_out = lay_out(table, partial=partial), []
    sheet = _sheet(layout, intervals)
    for fact in (*DROPPED_FIRST, *layout.facts):
        if sheet.readable or not layout.facts:
            break
        if fact in layout.facts:
            layout = layout.without(fact)
            left_out.append(fact)
            sheet = _sheet(layout, intervals)
    note = f"% left out, it would be too wide: {', '.join(map(tex, left_out))}\n" if left_out else ""
    return sheet.latex(_caption([table], layout), _label(table, [table.split]), note)


def to_latex_splits(tables: Sequence[Table], *, partial: bool = False) -> str:
    """One table for several splits, without facts: splits side by side under grouped headings, or one below
    the other where that would be too wide."""
    shown = [t for t in tables if t.rows or t.published]
    if len(shown) < 2:
        return "".join(to_latex(table, partial=partial) for table in shown)
    layouts = [lay_out(replace(table, facts=False), partial=partial) for table in shown]
    sheet = _beside(shown, layouts)
    if not sheet.readable:
        sheet = _below(shown, layouts)
    return sheet.latex(_caption(shown, layouts[0]), _label(shown[0], []))


def _sheet(layout: Layout, intervals: bool) -> Sheet:
    head = [text("Method"), *heads(layout.metrics), *map(text, layout.facts)]
    blocks = [[row(line, intervals) for line in lines] for lines in _by_kind(layout.lines)]
    every = [head, *(pieces for block in blocks for pieces in block)]
    return Sheet([joined(head)], [list(map(joined, block)) for block in blocks], widths(every))


def _beside(tables: Sequence[Table], layouts: Sequence[Layout]) -> Sheet:
    """All splits side by side; a method without a row in one of them has dashes there."""
    found: dict[tuple[str, str], list[Line | None]] = {}
    for i, layout in enumerate(layouts):
        for line in layout.lines:
            found.setdefault((line.kind, line.method), [None] * len(layouts))[i] = line
    count = len(tables[0].columns)
    head = [text("Method"), *(heads(tables[0].columns) * len(tables))]
    blocks: dict[str, list[list[Piece]]] = {}
    for (kind, _), lines in found.items():
        pieces = [name(next(line for line in lines if line is not None))]
        for own in lines:
            pieces += [text("–")] * count if own is None else map(cell, own.cells)
        blocks.setdefault(kind, []).append(pieces)
    splits = [rf"\multicolumn{{{count}}}{{c}}{{{tex(table.split)}}}" for table in tables]
    ends = [(2 + i * count, 1 + (i + 1) * count) for i in range(len(tables))]
    rules = "".join(rf"\cmidrule(lr){{{first}-{last}}}" for first, last in ends)
    grouped = [" & ".join(["", *splits]) + r" \\", rules, joined(head)]
    ordered = [blocks[kind] for kind in KINDS if kind in blocks]
    every = [head, *(pieces for block in ordered for pieces in block)]
    return Sheet(grouped, [list(map(joined, block)) for block in ordered], widths(every))


def _below(tables: Sequence[Table], layouts: Sequence[Layout]) -> Sheet:
    """The splits one below the other, each under a line with its name."""
    head = [text("Method"), *heads(tables[0].columns)]
    rows = [[row(line) for line in layout.lines] for layout in layouts]
    blocks = []
    for table, block in zip(tables, rows, strict=True):
        title = rf"\multicolumn{{{len(head)}}}{{@{{}}l}}{{\textit{{{tex(table.split)}}}}} \\"
        blocks.append([title, *map(joined, block)])
    return Sheet([joined(head)], blocks, widths([head, *(pieces for block in rows for pieces in block)]))


def _by_kind(lines: Sequence[Line]) -> list[list[Line]]:
    found = [[line for line in lines if line.kind == kind] for kind in KINDS]
    return [block for block in found if block]


def _caption(tables: Sequence[Table], layout: Layout) -> str:
    """What it is of, what bold means, variants and units, what found faces, where papers' figures are
    from."""
    first = tables[0]
    if first.own_caption:
        named = f" ({first.split})" if first.several and len(tables) == 1 else ""
        unsorted = f", {tex(first.no_order)}" if first.no_order else ""
        sentences = [tex_caption(first.own_caption) + tex(named) + unsorted + "."]
    else:
        sentences = [tex(first.caption if len(tables) == 1 else _shared(tables)) + "."]
    if any(c.mark for line in layout.lines for c in line.cells):
        sentences.append(MARKED)
    facts = [f"{tex_heading(short)} {tex_unit(what)}" for short, what in column_facts(layout.metrics)]
    if facts:
        sentences.append("; ".join(facts) + ".")
    sentences += map(tex, dict.fromkeys(note for table in tables for note in table.found))
    if any(table.published for table in tables):
        sentences.append(tex(f"In italics: published figures ({first.published_source}), not measured."))
    return " ".join(sentences).replace("..", ".")


def _shared(tables: Sequence[Table]) -> str:
    """The title over several splits."""
    splits = [f"{t.split} ({t.status} recipe)" if t.status else t.split for t in tables]
    parts = [f"{tables[0].title}: {', '.join(splits)}"]
    clips = dict.fromkeys(t.clip_count for t in tables if t.rows)
    profiles = dict.fromkeys(f"{t.profile} profile" for t in tables if t.profile)
    unsorted = dict.fromkeys(t.no_order for t in tables if t.no_order)
    return ", ".join([*parts, *clips, *profiles, *unsorted])


def _label(table: Table, splits: Sequence[str]) -> str:
    named = splits if table.several or not table.own_label else []
    base = table.own_label or f"tab:{_slug(table.board)}"
    return "-".join([base, *map(_slug, named)])


def _slug(words: str) -> str:
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in words)
