"""A table in the forms people take away: pandas, CSV, Markdown, LaTeX, JSON, HTML."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reports.tables.latex.table import to_latex, to_latex_splits
from reports.tables.layout import Layout, Printed, lay_out
from reports.tables.model import Row, Table
from reports.tables.spreadsheet import csv_text
from vfsrbench.io.foreign_text import one_line

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SPREAD", "to_csv", "to_frame", "to_json", "to_latex", "to_latex_splits", "to_markdown"]
SPREAD = "Two figures with a dash between them: the lowest and the highest that papers print for that cell."
_MD = {c: f"\\{c}" for c in "\\`*_[]|~$#"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def to_frame(tables: Sequence[Table]) -> pd.DataFrame:
    """One row a (split, method); for each metric its mean, 95 % bounds, clips, rank, published and gap.

    Means of incomplete rows are NaN, like everything that is not known.
    """
    import pandas as pd

    return pd.DataFrame([_record(table, row) for table in tables for row in table.rows])


def _record(table: Table, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"split": table.split, "method": row.method, "title": row.title}
    for column in table.columns:
        cell, name = row.cells[column.id], column.id
        record[name] = math.nan if cell.value is None else cell.value
        bounds = cell.summary.interval
        record[f"{name}_low"] = math.nan if bounds is None else bounds.low
        record[f"{name}_high"] = math.nan if bounds is None else bounds.high
        record[f"{name}_clips"] = cell.summary.n
        record[f"{name}_rank"] = "" if cell.rank is None else str(cell.rank)
        if any(r.cells[name].published is not None for r in table.rows):
            record[f"{name}_published"] = math.nan if cell.published is None else cell.published.low
            if not all(r.cells[name].published_agree for r in table.rows):
                record[f"{name}_published_high"] = math.nan if cell.published is None else cell.published.high
            record[f"{name}_gap"] = math.nan if cell.gap is None else cell.gap
        if table.versus is not None and cell.versus is not None:
            record[f"{name}_t"], record[f"{name}_t_p"] = cell.versus.t, cell.versus.t_p
            record[f"{name}_holm_p"] = cell.versus.holm_p
            record[f"{name}_wins"] = 1.0 - cell.versus.wins
    return record | {
        "reference_row": row.is_reference,
        "licence": row.licence,
        "parameters": row.parameters,
        "frames_per_second": row.speed,
        "peak_memory": row.memory,
        "clips": row.done,
        "clips_expected": row.total,
        "profile": row.profile,
        "canonical": row.canonical,
        "clamped": row.clamped,
        "imported": row.imported,
        "smaller_windows": row.smaller_windows,
        "gt_cropped": row.cropped,
        "off": row.off,
        **({"bundle": row.origin, "verdict": row.verdict} if any(r.origin for r in table.rows) else {}),
        "split_status": table.status,
        "demo": table.demo,
    }


def to_csv(tables: Sequence[Table]) -> str:
    """`to_frame` as CSV text, in which no cell is a formula (see `reports.tables.spreadsheet`)."""
    records = [_record(table, row) for table in tables for row in table.rows]
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [_column([record.get(name) for record in records]) for name in names]
    return csv_text([names, *zip(*columns, strict=True)])


def _column(values: Sequence[Any]) -> Sequence[Any]:
    """One type for all values, as pandas (which takes half a second to import) gives a column: numbers
    beside holes or fractions are floating-point."""
    known = [value for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    if numbers and (len(known) < len(values) or any(isinstance(value, float) for value in known)):
        return [math.nan if value is None else float(value) for value in values]
    return values


def to_json(tables: Sequence[Table]) -> str:
    """The whole model, tests and notes included; what is not known is null."""
    return json.dumps([_plain(asdict(t)) for t in tables], indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def to_markdown(table: Table, *, partial: bool = False) -> str:
    """A GitHub table, best in bold, second underlined; intervals and notes below it."""
    layout = lay_out(table, partial=partial)
    lines = [f"**{_md(table.caption)}**", "", *_markdown_rows(layout, _md_cell, layout.facts)]
    if any(c.interval for line in layout.lines for c in line.cells):
        rows = _markdown_rows(layout, lambda c: c.interval or "–", ())
        lines += ["", "95 % intervals (paired bootstrap over clips):", "", *rows]
    if table.published:
        lines += ["", f"Rows in italics are published figures ({_md(table.published_source)}), not measured."]
    if table.papers_differ:
        lines += ["", SPREAD]
    lines += ["", *(f"- {_md(note)}" for note in table.notes)] if table.notes else []
    return "\n".join(lines) + "\n"


def _markdown_rows(layout: Layout, show: Any, facts: Sequence[str]) -> list[str]:
    heads = [_md(h) for h in layout.heads[: 1 + len(layout.metrics)]] + [_md(f) for f in facts]
    rows = ["| " + " | ".join(heads) + " |"]
    rows.append("|" + "|".join([":--"] + ["--:"] * (len(heads) - 1)) + "|")
    for line in layout.lines:
        around = "*" * (line.kind == "published") + "**" * line.highlighted
        name = f"{around}{_md(line.full_name)}{around[::-1]}"
        cells = [name, *(show(c) for c in line.cells), *(_md(f.text) for f in line.facts[: len(facts)])]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _md_cell(cell: Printed) -> str:
    text = {"best": f"**{cell.text}**", "second": f"<u>{cell.text}</u>"}.get(cell.mark, cell.text)
    return f"{text} ({cell.published})" if cell.published else text


def _md(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no formula, no entity, no HTML, in one line."""
    return "".join(_MD.get(sign, sign) for sign in one_line(text))
