"""Statistics of tables, kept from one report to the next: nothing in a table takes longer than resamples.

They are named by all that they follow from: the values and weights to the last bit, seed and resamples, our
code, and the libraries that compute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.known.notes import keep_known, known_of
from vfsrbench.hashing.code import module_digest
from vfsrbench.results import stats
from vfsrbench.results.stats import Comparison, Interval, Rank, Summary
from vfsrbench.runtime.versions import library_versions

Floats = NDArray[np.float64]
Json = Any
_KIND = "statistics-1"
MOST = 50_000
"""Statistics that a note keeps; beyond it starts anew."""


@dataclass
class Statistics:
    """`vfsrbench.results.stats` with one seed and number of resamples; what `note` (none: nothing) knows is
    not computed again. A damaged note, or one of another kind, counts as none."""

    seed: int = 0
    resamples: int = stats.RESAMPLES
    note: Path | None = None
    _known: dict[str, Json] = field(default_factory=dict)
    _learned: bool = False

    def __post_init__(self) -> None:
        self._known = known_of(self.note, _KIND, MOST)

    def summarise(self, values: Floats, weights: Floats | None = None) -> Summary:
        """See `stats.summarise`."""
        found = self._of("summary", "", [values, weights], lambda: asdict(
            stats.summarise(values, weights, seed=self.seed, resamples=self.resamples)
        ))  # fmt: skip
        return Summary(**found | {"interval": _interval(found["interval"])})

    def ranks(
        self, series: Mapping[str, Floats], direction: str, weights: Mapping[str, Floats] | None = None
    ) -> dict[str, Rank]:
        """See `stats.ranks`."""
        found = self._of("ranks", direction, _arrays(series, weights), lambda: {
            str(list(series).index(method)): [rank.best, rank.worst]
            for method, rank in stats.ranks(
                series, direction, weights, seed=self.seed, resamples=self.resamples
            ).items()
        })  # fmt: skip
        methods = list(series)
        return {methods[int(place)]: Rank(*both) for place, both in found.items()}

    def compare(
        self,
        series: Mapping[str, Floats],
        reference: str,
        direction: str,
        weights: Mapping[str, Floats] | None = None,
    ) -> dict[str, Comparison]:
        """See `stats.compare`."""
        methods = list(series)
        how = f"{direction} {methods.index(reference)}"
        found = self._of("compare", how, _arrays(series, weights), lambda: {
            str(methods.index(method)): asdict(comparison)
            for method, comparison in stats.compare(
                series, reference, direction, weights, seed=self.seed, resamples=self.resamples
            ).items()
        })  # fmt: skip
        return {
            methods[int(place)]: Comparison(**facts | {"interval": _interval(facts["interval"])})
            for place, facts in found.items()
        }

    def keep(self) -> None:
        """Write what was computed. Where that cannot be, it is computed again next time."""
        if self._learned:
            keep_known(self.note, _KIND, self._known)

    def _of(self, what: str, how: str, arrays: list[Floats | None], compute: Callable[[], Json]) -> Json:
        if self.note is None:
            return compute()
        total = hashlib.sha256(f"{what} {how} {self.seed} {self.resamples} {self._computed_by}".encode())
        for values in arrays:
            if values is None:
                total.update(b"none;")
            else:
                total.update(f"{values.dtype.str} {values.shape};".encode())
                total.update(np.ascontiguousarray(values).tobytes())
        key = total.hexdigest()[:32]
        if key not in self._known:
            self._known[key] = compute()
            self._learned = True
        return self._known[key]

    @cached_property
    def _computed_by(self) -> str:
        """Our code and the libraries."""
        versions = [library_versions().get(name, "") for name in ("numpy", "scipy")]
        return f"{module_digest(stats.__name__)} {versions}"


def _arrays(series: Mapping[str, Floats], weights: Mapping[str, Floats] | None) -> list[Floats | None]:
    """The values of all methods, then what their clips weigh."""
    return [*series.values(), *(None if weights is None else weights[method] for method in series)]


def _interval(facts: Mapping[str, float] | None) -> Interval | None:
    return None if facts is None else Interval(**facts)
