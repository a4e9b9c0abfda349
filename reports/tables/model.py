"""The one model behind every form of a table: what stands in it, not how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vfsrbench.results.stats import Comparison, Rank, Summary
from vfsrbench.runtime.reach import ALLOWED

Mark = Literal["best", "second", ""]


@dataclass(frozen=True)
class Threshold:
    """A value that has a meaning, and what values beyond it say."""

    value: float
    beyond: str


@dataclass(frozen=True)
class Column:
    """A metric's column. `title` is what the head says, without the arrow, `short` a narrow one, `_` before a
    subscript; `threshold` a line in figures; frames unlike the truth can score well in a `gameable` one: it
    gives no places."""

    id: str
    title: str
    unit: str = ""
    direction: Literal["higher", "lower", "none"] = "none"
    digits: int = 4
    definition: str = ""
    threshold: Threshold | None = None
    gameable: bool = False
    short: str = ""

    @property
    def arrow(self) -> str:
        return {"higher": "↑", "lower": "↓", "none": ""}[self.direction]


@dataclass(frozen=True)
class Papers:
    """What papers print for one cell: (paper, figure), one or several. No two are the same."""

    figures: tuple[tuple[str, float], ...]

    @property
    def low(self) -> float:
        return min(value for _, value in self.figures)

    @property
    def high(self) -> float:
        return max(value for _, value in self.figures)

    @property
    def agree(self) -> bool:
        """Whether there is one figure only."""
        return self.low == self.high


@dataclass(frozen=True)
class Cell:
    """A measured figure with all that is said about it.

    `missing` counts frames without a value; `unavailable` says why the whole cell has none; `asked` is false
    where a reference row is not scored by this metric. `published` is what papers print and `gap` ours minus
    it, where both exist and the papers agree.
    """

    summary: Summary
    mark: Mark = ""
    rank: Rank | None = None
    missing: int = 0
    unavailable: str = ""
    asked: bool = True
    published: Papers | None = None
    versus: Comparison | None = None

    @property
    def value(self) -> float | None:
        return self.summary.mean

    @property
    def published_agree(self) -> bool:
        return self.published is None or self.published.agree

    @property
    def gap(self) -> float | None:
        if self.published is None or self.summary.mean is None or not self.published.agree:
            return None
        return self.summary.mean - self.published.low


@dataclass(frozen=True)
class Row:
    """A method's row. A `is_reference` shows the ground truth or the input: it takes no part in the order.

    `done` of `total` clips ended well; `speed` is frames a second, `memory` bytes at peak, None where
    not known. `clamped` is the largest part of a clip's values that lay far outside [0, 1]. `imported`: these
    are outputs of its own tool. `smaller_windows`: for lack of memory some clips
    were restored by another protocol.
    `cropped` says what was kept of the ground truth, where it was cut to outputs of another size.
    `off` says what is off about its frames against the ground truth's: place, time, colours. `highlighted`:
    it stands out, as the board or the user asks. `origin` is the bundle that it comes from, `verdict` how far
    that was checked here.
    """

    method: str
    title: str
    cells: dict[str, Cell]
    is_reference: bool = False
    licence: str = ""
    parameters: int | None = None
    speed: float | None = None
    memory: int | None = None
    done: int = 0
    total: int = 0
    profile: str = ""
    canonical: bool = True
    clamped: float = 0.0
    imported: bool = False
    smaller_windows: bool = False
    cropped: str = ""
    off: str = ""
    highlighted: bool = False
    origin: str = ""
    verdict: str = ""

    @property
    def wrong_range(self) -> bool:
        """Whether so much was clamped that the method's scale is in doubt."""
        return self.clamped > ALLOWED

    @property
    def completeness(self) -> str:
        return f"{self.done} of {self.total} clips"


@dataclass(frozen=True)
class PublishedRow:
    """A method that only papers have: never mixed with what we measured."""

    method: str
    label: str
    values: dict[str, Papers]


@dataclass(frozen=True)
class Wins:
    """Clips won, method against method, in one metric: `rates[i][j]` is the part of the clips that both
    have on which method i is better than method j, a tie one half; NaN on the diagonal and where no clip
    is common.
    """

    column: Column
    methods: tuple[str, ...]
    titles: tuple[str, ...]
    rates: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Table:
    """A leaderboard of one split.

    `status` says how sure the split's recipe is (`official` or `extrapolated`); `demo` that these are
    the bundled clips. `notes` are sentences for the reader, the most important first; those of them on what
    found faces are in `found`, too. `wins` has one entry a metric with a direction, reference rows left out.
    `not_run` are methods without a row, for lack of weights, say. `facts`, `own_caption` and `own_label` are
    what the board's `[table]` says; `several`: there are tables of other splits.
    """

    board: str
    title: str
    split: str
    status: str
    demo: bool
    profile: str
    average: Literal["clips", "frames"]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    clips: tuple[str, ...]
    versus: str | None = None
    published: tuple[PublishedRow, ...] = ()
    published_source: str = ""
    notes: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    wins: tuple[Wins, ...] = ()
    not_run: tuple[str, ...] = ()
    facts: bool = True
    own_caption: str = ""
    own_label: str = ""
    several: bool = False

    def row(self, method: str) -> Row:
        return next(r for r in self.rows if r.method == method)

    @property
    def papers_differ(self) -> bool:
        """Whether papers print different figures for any cell."""
        cells = (cell.published for row in self.rows for cell in row.cells.values())
        printed = (papers for row in self.published for papers in row.values.values())
        return any(papers is not None and not papers.agree for papers in (*cells, *printed))

    @property
    def clip_count(self) -> str:
        """How many clips, of what kind."""
        return f"{len(self.clips)} {'demo ' * self.demo}clip{'s' * (len(self.clips) != 1)}"

    @property
    def caption(self) -> str:
        """Board, split, its status and the demo label in one line, or what the user calls it."""
        if self.own_caption:
            named = f"{self.own_caption} ({self.split})" if self.several else self.own_caption
            return f"{named}, {self.no_order}" if self.no_order else named
        parts = [f"{self.title}: {self.split}"]
        if self.status:
            parts.append(f"{self.status} recipe")
        if self.rows:
            parts.append(self.clip_count)
        if self.profile:
            parts.append(f"{self.profile} profile")
        return ", ".join([*parts, self.no_order] if self.no_order else parts)

    @property
    def no_order(self) -> str:
        """What the heading says if frames unlike the truth can score well in any of the metrics."""
        opinions = [column.title for column in self.columns if column.gameable]
        if not opinions:
            return ""
        return f"no order by {', '.join(opinions)} alone: frames unlike the truth can score well"
