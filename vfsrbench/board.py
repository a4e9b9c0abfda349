"""A board: a versioned leaderboard as data. `reports/boards/*.toml` and users' own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_FRAMES, MOST_SCALE, MOST_SEED
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.card import Name
from vfsrbench.io.foreign_text import clean_name


class DatasetUse(FrozenModel):
    """Which clips. `layout` names a loader (`demo`, `vfhq-test`, `folder`, ...); `path` may come from the
    command line; `clips` picks some by name; `frames` keeps the first so many of each clip. `scale` is for
    clips without ground truth (`real`): how many times as large restored clips are (default: as large)."""

    layout: str
    path: str | None = None
    clips: tuple[Annotated[str, AfterValidator(clean_name)], ...] = ()
    frames: int | None = Field(default=None, ge=1, le=MOST_FRAMES)
    align: bool = False
    scale: int | None = Field(default=None, ge=1, le=MOST_SCALE)


class Figures(FrozenModel):
    """What the report draws: each names the board's metrics to draw it for.

    `curves`: values over time, clip by clip; `averages`: the same, averaged over clips; `jumps`: one clip
    with its worst jump and the two frames; `levels`: against the split; `persons`: by person; `speed`:
    against frames a second. `grids` is the number of frames a split shown with details. `slice_column` is
    the column of the temporal slices: a fraction of the width, or `auto`, where the ground truth moves most.
    """

    curves: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    speed: tuple[str, ...] = ()
    grids: int = Field(default=0, ge=0, le=100)
    slice_column: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"

    def of(self, metrics: tuple[str, ...]) -> Figures:
        """The figures that can be drawn when the board has these metrics instead of its own."""
        named = ("curves", "averages", "jumps", "levels", "persons", "speed")
        kept = {name: tuple(m for m in getattr(self, name) if m in metrics) for name in named}
        return self.replace(**kept)


class PublishedUse(FrozenModel):
    """A paper's figures: a file of `reports/published/`, the table and data set in it. `metrics` maps our
    metric ids to the names in that file where they differ."""

    file: str
    table: str | None = None
    dataset: str | None = None
    metrics: dict[str, str] = {}


class Board(FrozenModel):
    """A leaderboard: data set, splits, methods, metrics, averaging, published figures beside it.

    `average`: `clips` takes the mean over a clip's frames, then over clips; `frames` weighs every frame
    the same. `versus` is the method that the others are tested against.

    Example:
        >>> import vfsrbench as vb
        >>> mine = vb.boards()["demo"].replace(name="mine", metrics=["psnr", "ssim"], sort_by="psnr")
        >>> mine.name, mine.metrics
        ('mine', ('psnr', 'ssim'))
        >>> mine.replace(metric=["psnr"])
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: board mine: unknown key 'metric', did you mean 'metrics'?
    """

    name: Name
    title: str
    version: int = Field(ge=0, le=1_000_000)
    description: str = ""
    dataset: DatasetUse
    splits: tuple[str, ...] = Field(min_length=1)
    methods: tuple[str, ...] = Field(min_length=1)
    metrics: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(default=0, ge=0, le=MOST_SEED)
    average: Literal["clips", "frames"] = "clips"
    versus: str | None = None
    sort_by: str | None = None
    published: PublishedUse | None = None
    figures: Figures = Figures()


class ScoreBoard(Board):
    """A board of results that are there already: it need not have a method."""

    methods: tuple[str, ...] = ()

    @classmethod
    def of(cls, board: Board) -> ScoreBoard:
        """The board without its methods."""
        facts = {name: getattr(board, name) for name in Board.model_fields}
        return typed_toml.parse(cls, {**facts, "methods": (), "versus": None}, f"board {board.name!r}")


def load_board(path: Path) -> Board:
    """The board file at `path`; InputError names the file and the key or line that is wrong."""
    return typed_toml.load(Board, path)
