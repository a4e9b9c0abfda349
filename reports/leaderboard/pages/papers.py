"""What papers print of a method, over all that is transcribed here: the same name, other figures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.tables.layout import number
from reports.tables.model import Papers
from reports.tables.published import FOLDER, Figure, read
from vfsrbench.errors import counted


@dataclass(frozen=True)
class Spread(Papers):
    """One metric of a method on one data set and split: (paper, figure) of each."""

    metric: str
    dataset: str
    split: str

    @property
    def title(self) -> str:
        """What papers call the metric: it need not be computed as any of ours is."""
        return self.metric.replace("_", " ").upper()

    @property
    def papers(self) -> int:
        """How many papers."""
        return len({paper for paper, _ in self.figures})

    @property
    def sentence(self) -> str:
        """`158 to 399 in 3 papers`, in as many digits as tell them apart."""
        digits = 0 if self.low >= 100 else 2 if self.low >= 10 else 4
        low, high = number(self.low, digits), number(self.high, digits)
        return f"{low if low == high else f'{low} to {high}'} in {counted(self.papers, 'paper')}"


def transcribed() -> list[Figure]:
    """All figures of papers that come with vfsrbench."""
    return [figure for path in sorted(FOLDER.glob("*.csv")) for figure in read(path)]


def spreads(figures: Iterable[Figure], method: str) -> list[Spread]:
    """What papers print of a method, those that disagree most first.

    Figures of one data set go together even where a paper took fewer frames of it: they stand under one name
    in the papers, which is the point. `method` is without options.
    """
    found: dict[tuple[str, str, str], dict[tuple[str, float], None]] = {}
    for figure in figures:
        if figure.method == method:
            place = (figure.metric, figure.dataset.partition(",")[0], figure.split)
            found.setdefault(place, {})[figure.paper, figure.value] = None
    made = [Spread(tuple(values), *place) for place, values in found.items()]
    return sorted(made, key=lambda s: (-s.papers, -_apart(s), s.dataset, s.split, s.metric))


def _apart(spread: Spread) -> float:
    top = max(abs(spread.low), abs(spread.high))
    return (spread.high - spread.low) / top if top else 0.0
