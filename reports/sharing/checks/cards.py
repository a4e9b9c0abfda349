"""Are the cards in the bundle those that are known here?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Finding, Known, row_of

_OF_METHOD = (
    "kind", "source", "scale", "window", "overlap", "tail", "stateful", "licence", "reference", "context",
    "window_dependent", "stands_for", "commercial", "aligned", "options",
)  # fmt: skip
_OF_METRIC = (
    "unit", "direction", "level", "derived", "params", "cap", "context", "min_frames", "reference",
    "gameable", "digits", "legacy", "needs", "threshold",
)  # fmt: skip
"""What tables, keys and readers go by. Descriptions may be worded anew from version to version."""


def check_cards(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """Cards that differ from those here (a problem where both are of one version), or are not known."""
    rows = sorted({row_of(result.record) for result in bundle.results})
    methods = {name: entry.card for name, entry in known.methods.entries.items()}
    for split, method in rows:
        name = method.partition("[")[0]
        text, problem = _compared("method", name, bundle.methods, methods, _OF_METHOD)
        if text:
            yield Finding(text, (split, method), problem)
        version = next(r.record.method_version for r in bundle.results if row_of(r.record) == (split, method))
        if name in bundle.methods and bundle.methods[name].version != version:
            yield Finding(f"its card is of another version than its results ({version})", (split, method))
    for metric in bundle.board.metrics:
        text, problem = _compared("metric", metric, bundle.metrics, known.cards, _OF_METRIC)
        if text:
            yield Finding(text, None, problem)


def _compared(
    kind: str, name: str, there: Mapping[str, Any], here: Mapping[str, Any], facts: tuple[str, ...]
) -> tuple[str, bool]:
    """What is to be said of a card, empty for nothing; and whether it is a problem."""
    if name not in there:
        return f"no card of the {kind} {name!r} is in the bundle", False
    if name not in here:
        return f"the {kind} {name!r} is not installed here: its card cannot be compared", False
    one, other = there[name], here[name]
    if one.version != other.version:
        return f"the card of the {kind} {name!r} is of version {one.version}, here of {other.version}", False
    named = [fact for fact in facts if hasattr(other, fact)]
    differing = [fact for fact in named if getattr(one, fact) != getattr(other, fact)]
    if differing:
        return f"the card of the {kind} {name!r} says other things than here: {', '.join(differing)}", True
    return "", False
