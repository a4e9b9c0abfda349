"""Which methods are the user's own: those that do not come with vfsrbench."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vfsrbench import plugins
from vfsrbench.results.schema import JobRecord


def own_methods(methods: Iterable[str]) -> frozenset[str]:
    """Those that no package of ours registers; options and a place behind the name do not matter.

    Example:
        >>> sorted(own_methods(["keep[max_length=20]", "bicubic @ there", "mine", "basicsr:Mine"]))
        ['mine']
    """
    shipped = {name for name, entry in plugins.methods().entries.items() if entry.shipped}
    return frozenset(m for m in methods if plain_name(m).partition(":")[0] not in shipped)


def plain_name(method: str) -> str:
    """A method's name without options, and without the place that a comparison puts behind it."""
    return method.partition(" @ ")[0].partition("[")[0]


def standing_out(records: Iterable[JobRecord], reference_rows: Collection[str]) -> frozenset[str]:
    """The user's own methods among others: those that stand out where nobody says which do. Outputs that
    `vfsrbench import` took are other tools', and where all are the user's own none stands out."""
    rivals = {r.method: r for r in records if r.method not in reference_rows}
    own = own_methods(m for m, record in rivals.items() if not record.imported)
    return own if len(own) < len(rivals) else frozenset()
