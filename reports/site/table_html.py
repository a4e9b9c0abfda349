"""A table as HTML."""

from __future__ import annotations

from collections.abc import Callable

from reports.tables.layout import lay_out
from reports.tables.model import Table


def to_html(
    table: Table,
    *,
    partial: bool = False,
    link: Callable[[str, str], str] = lambda method, metric: "",
    who: Callable[[str], str] = lambda method: "",
    sortable: bool = False,
) -> str:
    """A table element; names and captions are escaped. `link(method, metric)` is where a cell leads,
    `who(method)` where a name does; `sortable` marks the table for the site's scripts."""
    from reports.site.templates import environment

    template = environment().get_template("table.html")
    return template.render(layout=lay_out(table, partial=partial), link=link, who=who, sortable=sortable)
