"""How near the networks of vfsrbench's methods are to the official ones: the golden packs' figures."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("parity.csv")
"""Written by benchmarks/readme_tables.py from the facts of docs/parity.md."""


def against_official(method: str) -> str:
    """What golden cases have shown of a method, as a sentence; empty where there are none.

    Args:
        method: Its name, without options. Names of methods that come with vfsrbench are theirs alone.

    Returns:
        The largest difference of a tap of the network, relative to that tap's own standard deviation.

    Example:
        >>> against_official("keep")[:60]
        'The network against the official one, over golden cases of d'
    """
    row = _rows().get(method)
    if row is None:
        return ""
    return (
        "The network against the official one, over golden cases of deterministic weights: at most "
        f"{row['largest']} of a tap's spread apart, where {row['limit']} is the limit (pack {row['pack']}; "
        f"{row['cases']} cases in all)"
    )


@cache
def _rows() -> dict[str, dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as lines:
        return {row["method"]: row for row in csv.DictReader(lines)}
