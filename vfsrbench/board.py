"""A board: a versioned leaderboard as data. `reports/boards/*.toml` and users' own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_FRAMES, MOST_SCALE, MOST_SEED
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.card import Name, Title
from vfsrbench.io.foreign_text import clean_name


class DatasetUse(FrozenModel):
    """Which clips a board is run on.

    Attributes:
        layout: How clips lie on disk: `demo`, `vfhq-test`, `folder`, ...
        path: The data set's folder; may come from the command line.
        clips: Some clips by name; empty: all.
        frames: The first so many of each clip.
        align: Whether ground truth and degraded clips are aligned to the FFHQ template.
        scale: For clips without ground truth (`real`): how many times as large restored clips are.

    Example:
        >>> DatasetUse(layout="demo", frames=8).replace(clips=["demo-calm"]).clips
        ('demo-calm',)
    """

    layout: str
    path: str | None = None
    clips: tuple[Annotated[str, AfterValidator(clean_name)], ...] = ()
    frames: int | None = Field(default=None, ge=1, le=MOST_FRAMES)
    align: bool = False
    scale: int | None = Field(default=None, ge=1, le=MOST_SCALE)


class Figures(FrozenModel):
    """What the report draws: each names the board's metrics to draw it for.

    Attributes:
        curves: Values over time, clip by clip.
        averages: The same, averaged over clips.
        jumps: One clip with its worst jump and the two frames.
        levels: Against the splits.
        persons: By person.
        speed: Against frames a second.
        grids: The number of frames a split shown with magnified details.
        slice_column: The column of the temporal slices: a fraction of the width, or `auto`, where the
            ground truth moves most.

    Example:
        >>> Figures(curves=("psnr", "ssim"), speed=("psnr",)).of(("ssim",)).curves
        ('ssim',)
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
        """The figures that remain when the board has other metrics.

        Args:
            metrics: Metric ids.
        """
        named = ("curves", "averages", "jumps", "levels", "persons", "speed")
        kept = {name: tuple(m for m in getattr(self, name) if m in metrics) for name in named}
        return self.replace(**kept)


class PublishedUse(FrozenModel):
    """A paper's figures, shown beside ours.

    Attributes:
        file: Its name in `reports/published/`, without `.csv`.
        table: One table of it.
        dataset: One data set of it.
        metrics: Our metric id -> its name in that file, where they differ.

    Example:
        >>> PublishedUse(file="keep", metrics={"lpips_alex": "LPIPS"}).metrics["lpips_alex"]
        'LPIPS'
    """

    file: str
    table: str | None = None
    dataset: str | None = None
    metrics: dict[str, str] = {}


class Board(FrozenModel):
    """A leaderboard: data set, splits, methods, metrics, averaging, published figures beside it.

    Attributes:
        name: Its name, also of its files in workspaces and reports.
        title: The heading of its tables.
        version: Raised when it changes.
        description: A paragraph for the page.
        dataset: Which clips.
        splits: Names of recipes, or paths of recipe files (`./my.toml`).
        methods: As in `vfsrbench.method_spec.choose_method`, in the order of the rows.
        metrics: Metric ids, in the order of the columns.
        seed: For degradations and methods.
        average: `clips`: the mean over a clip's frames, then over clips; `frames`: all frames weigh the same.
        versus: The method that the others are tested against.
        sort_by: The metric that orders the rows; none: as on the board.
        published: A paper's figures, shown beside ours.
        figures: What the report draws.

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
    title: Title
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
    """A board of stored outputs: it need not have a method.

    Example:
        >>> import vfsrbench as vb
        >>> ScoreBoard.of(vb.boards()["demo"]).methods
        ()
    """

    methods: tuple[str, ...] = ()

    @classmethod
    def of(cls, board: Board) -> ScoreBoard:
        """The board without its methods.

        Args:
            board: Any board.
        """
        facts = {name: getattr(board, name) for name in Board.model_fields}
        return typed_toml.parse(cls, {**facts, "methods": (), "versus": None}, f"board {board.name!r}")


def load_board(path: Path) -> Board:
    """Read a board file.

    Args:
        path: A TOML file.

    Returns:
        The board, checked.

    Raises:
        InputError: The file cannot be read, or a key is wrong; names the file and the key or line.

    Example:
        >>> from vfsrbench.plugins import board_files
        >>> load_board(board_files()["demo"]).name
        'demo'
    """
    return typed_toml.load(Board, path)
