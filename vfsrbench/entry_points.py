"""Entry points: what packages register by name, ours first. Nothing is imported until it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from vfsrbench.errors import InputError, did_you_mean

_OURS = frozenset({"vfsrbench", "baselines", "reports"})


@dataclass(frozen=True)
class SkippedPlugin:
    """A plugin that could not be read; it is reported and skipped."""

    name: str
    reason: str


@dataclass(frozen=True)
class Registered:
    """Objects and modules that packages register by name. Each is imported when it is loaded."""

    kind: str
    points: Mapping[str, EntryPoint]
    broken: tuple[SkippedPlugin, ...] = ()
    """Those whose name is taken."""

    def load(self, name: str) -> Any:
        """What is registered under a name.

        Raises:
            InputError: The name is unknown, or its package cannot be imported.
        """
        if name not in self.points:
            raise did_you_mean(self.kind, name, self.points)
        point = self.points[name]
        try:
            return point.load()
        except Exception as error:  # a plugin may do anything when it is imported
            raise InputError(f"{self.kind} {name!r} cannot be used: {reason_of(point, error)}") from error

    def load_all(self) -> tuple[dict[str, Any], list[SkippedPlugin]]:
        """All that can be imported, by name, and what was skipped."""
        found: dict[str, Any] = {}
        skipped = list(self.broken)
        for name, point in self.points.items():
            try:
                found[name] = point.load()
            except Exception as error:
                skipped.append(SkippedPlugin(name, reason_of(point, error)))
        return found, skipped


def registered(kind: str, group: str) -> Registered:
    """What packages register in a group.

    Args:
        kind: What messages call one of them.
        group: The entry-point group.
    """
    found: dict[str, EntryPoint] = {}
    broken: list[SkippedPlugin] = []
    for point in points(group):
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            broken.append(SkippedPlugin(point.name, f"{point.value}: the name is taken by {first.value}"))
    return Registered(kind, found, tuple(broken))


def points(group: str) -> list[EntryPoint]:
    """The entry points of a group in the order of their names, ours first."""
    found = entry_points(group=group)
    return sorted(found, key=lambda p: (p.module.partition(".")[0] not in _OURS, p.name, p.value))


def reason_of(point: EntryPoint, error: Exception) -> str:
    """Why a registration cannot be used, in one line."""
    return f"{point.value}: {type(error).__name__}: {error}"
