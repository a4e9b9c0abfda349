"""A thing that a check found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from vfsrbench import plugins
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.registry import Registry
from vfsrbench.results.schema import JobRecord

Where = tuple[str, str]
"""A row: split and method."""
_CLOSE = 1e-9
"""Relative difference of two computations of one value, at most: sums in another order."""


@dataclass(frozen=True)
class Finding:
    """What does not hold (`problem`), or could not be looked at here; of a row, or of the whole bundle.
    `clip` is the one that it is about, if it is about one."""

    text: str
    where: Where | None = None
    problem: bool = True
    clip: str = ""

    def of(self, where: Where) -> Finding:
        """The same of a row."""
        return replace(self, where=where)


@dataclass(frozen=True)
class Known:
    """What is installed here, read once."""

    methods: Registry[MethodCard]
    metrics: Registry[MetricCard]

    @classmethod
    def here(cls) -> Known:
        """Everything that is installed."""
        return cls(plugins.methods(), plugins.metrics())

    @cached_property
    def cards(self) -> dict[str, MetricCard]:
        """The metrics' cards by id."""
        return self.metrics.cards


def lines(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Findings in words: one line for each thing, with the clips that it is about."""
    clips: dict[str, list[str]] = {}
    for finding in findings:
        clips.setdefault(finding.text, []).extend([finding.clip] if finding.clip else [])
    return tuple(f"{_named(names)}{text}" for text, names in clips.items())


def _named(clips: list[str]) -> str:
    each = list(dict.fromkeys(clips))
    if not each:
        return ""
    more = f" and {len(each) - 2} more clips" if len(each) > 3 else ""
    return f"{', '.join(each[:2] if more else each)}{more}: "


def row_of(record: JobRecord) -> Where:
    """The row of a job."""
    return record.split, record.method


def same(one: float | None, other: float | None) -> bool:
    """Whether two computations of a value agree."""
    if one is None or other is None:
        return one is other
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=_CLOSE, abs_tol=1e-12)


def number(value: float | None) -> str:
    """A value in a line."""
    return "no value" if value is None or math.isnan(value) else f"{value:.9g}"
