"""Short headings: `IDS` for "IDS (w600k_r50)", with what they leave out said once, beside the unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.tables.model import Column
from vfsrbench.card import MetricCard

SIGMA = "σ"


def short_name(card: MetricCard) -> str:
    """A metric's short name: its card's, else its title up to the first bracket or comma. What stands behind
    `_` is a subscript.

    Example:
        >>> import vfsrbench as vb
        >>> [short_name(vb.metrics()[m]) for m in ("psnr", "ids_dlib", "sigma_ids_dlib", "ewarp_dis")]
        ['PSNR', 'IDS', 'σ_IDS', 'E_warp']
    """
    if card.short:
        return card.short
    name = card.title.partition(" (")[0].partition(",")[0].strip() or card.title
    return f"{SIGMA}_{name.removeprefix('sigma ')}" if name.startswith("sigma ") else name


def short_heads(columns: Sequence[Column]) -> list[str]:
    """The short name of each column; two that would be alike say what differs, or go by their ids."""
    names = [c.short or c.title for c in columns]
    often = Counter(names)
    names = [
        f"{name} ({aside})" if often[name] > 1 and (aside := _aside(c)) else name
        for name, c in zip(names, columns, strict=True)
    ]
    often = Counter(names)
    return [c.id if often[name] > 1 else name for name, c in zip(names, columns, strict=True)]


def column_facts(columns: Sequence[Column]) -> list[tuple[str, str]]:
    """(short name, what it leaves out) of each column that needs a word: variant and unit."""
    found = []
    for name, column in zip(short_heads(columns), columns, strict=True):
        aside = "" if name.endswith(")") or name == column.id else _aside(column)
        parts = [f"({aside})"] * bool(aside) + [f"in {column.unit}"] * bool(column.unit)
        if parts:
            found.append((name, " ".join(parts)))
    return found


def _aside(column: Column) -> str:
    """What a short name leaves out of the title: what stands in its brackets or behind it, else all of it."""
    if column.title == (column.short or column.title):
        return ""
    base = f"{column.short.partition('_')[0]} "
    if "(" not in column.title and column.title.startswith(base):
        return column.title.removeprefix(base)
    inside = column.title.partition("(")[2].rpartition(")")[0]
    comma = column.title.partition("(")[0].partition(",")[2].strip()
    return ", ".join(part for part in (comma, inside) if part) or column.title
