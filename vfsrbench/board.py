"""A board: a versioned leaderboard as data. `reports/boards/*.toml` and users' own files."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from degradations.reading import typed_toml
from degradations.reading.limits import MOST_FRAMES, MOST_SCALE, MOST_SEED
from degradations.reading.typed_toml import FrozenModel, spelled
from vfsrbench.board_sections.figures import Figures
from vfsrbench.board_sections.published import PublishedUse
from vfsrbench.board_sections.table import TableStyle
from vfsrbench.card import MetricCard, Name, Title, Track
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.foreign_text import clean_name

__all__ = [
    "Board",
    "DatasetUse",
    "Figures",
    "FinderName",
    "PublishedUse",
    "Restriction",
    "ScoreBoard",
    "TableStyle",
    "load_board",
]
FinderName = Literal["auto", "retinaface", "dlib"]


class DatasetUse(FrozenModel):
    """Which clips a board is run on.

    Attributes:
        layout: How clips lie on disk: `demo`, `vfhq-test`, `folder`, ...
        path: The data set's folder; may come from the command line.
        clips: Some clips by name; empty: all.
        frames: The first so many of each clip.
        align: Whether ground truth and degraded clips are aligned to the FFHQ template.
        finder: What finds the face on ground truth that comes without landmarks; `auto`: RetinaFace where
            its weights are here, else dlib.
        scale: For clips without ground truth (`real`): how many times as large restored clips are.
        fit: Clips whose sides splits cannot divide: they fail `alone`, nothing runs (`refuse`), or the
            centre is taken (`crop`: to a multiple of what splits divide by; `crop8`: of 8).

    Example:
        >>> DatasetUse(layout="demo", frames=8).replace(clips=["demo-calm"]).clips
        ('demo-calm',)
    """

    layout: str
    path: str | None = None
    clips: tuple[Annotated[str, AfterValidator(clean_name)], ...] = ()
    frames: int | None = Field(default=None, ge=1, le=MOST_FRAMES)
    align: bool = False
    finder: FinderName = "auto"
    scale: int | None = Field(default=None, ge=1, le=MOST_SCALE)
    fit: Annotated[
        str, spelled(r"alone|refuse|crop|crop[1-9]\d{0,3}", "alone, refuse, crop, or cropN such as crop8")
    ] = "alone"


class Restriction(FrozenModel):
    """Where a board runs a method, if not on everything.

    Attributes:
        splits: Some of the board's splits. Default: all.
        clips: Some of the data set's clips. Default: all.

    Example:
        >>> slow = Restriction(splits=("vfhq-mild",))
        >>> slow.allows("vfhq-mild", "a clip"), slow.allows("vfhq-heavy", "a clip")
        (True, False)
    """

    splits: tuple[str, ...] | None = None
    clips: tuple[Annotated[str, AfterValidator(clean_name)], ...] | None = None

    def allows(self, split: str, clip: str) -> bool:
        """Whether the method runs on a clip of a split.

        Args:
            split: A split's name.
            clip: A clip's name.
        """
        return self.on_split(split) and self.on_clip(clip)

    def on_split(self, split: str) -> bool:
        """Whether the method runs on a split.

        Args:
            split: Its name.
        """
        return self.splits is None or split in self.splits

    def on_clip(self, clip: str) -> bool:
        """Whether the method runs on a clip.

        Args:
            clip: Its name.
        """
        return self.clips is None or clip in self.clips


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
        reference: The track: `none`, or `photo` for methods that are given a reference photograph of the
            person. A board has methods of one track.
        published: Papers' figures, shown beside ours: one table, or several, whose spread is shown.
        figures: What the report draws.
        table: What tables show of all this, and how.
        restrict: Methods that run on some splits or clips alone, as they stand in `methods`.

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
    reference: Track = "none"
    published: tuple[PublishedUse, ...] = ()
    figures: Figures = Figures()
    table: TableStyle = TableStyle()
    restrict: dict[str, Restriction] = {}

    @field_validator("published", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict | PublishedUse) else value or ()

    @model_validator(mode="after")
    def _restrictions_name_what_is_there(self) -> Self:
        for method, restriction in self.restrict.items():
            where = f"restrict {method!r}: "
            _known(where + "the board has no method", method, self.methods)
            for split in restriction.splits or ():
                _known(where + "the board has no split", split, self.splits)
            for clip in restriction.clips or ():
                if self.dataset.clips:
                    _known(where + "the board has no clip", clip, self.dataset.clips)
        return self

    def check_track(self, method: str, track: Track | Literal[""]) -> None:
        """Refuse a method of the other track.

        Args:
            method: As it is named to the user.
            track: The method's `reference`; empty: it stands in any.

        Raises:
            InputError: What the method is given beside the degraded clip is not what this board's are given.

        Example:
            >>> from vfsrbench.plugins import find_board
            >>> find_board("demo").check_track("bicubic", "none")
        """
        if track and track != self.reference:
            given = {"none": "is given none", "photo": "is given a reference photograph"}[track]
            raise InputError(
                f"method {method!r} {given}, but the methods of board {self.name!r} have "
                f"reference = {self.reference!r}: such methods never stand side by side, choose a board with "
                f"reference = {track!r}"
            )

    def check_order(self, cards: Mapping[str, MetricCard]) -> None:
        """Refuse rows in the order of a metric that frames unlike the truth can score well in.

        Args:
            cards: The known metrics by id.

        Raises:
            InputError: `sort_by` is such a metric.

        Example:
            >>> import vfsrbench as vb
            >>> vb.boards()["demo"].check_order(vb.metrics())
        """
        card = cards.get(self.sort_by or "")
        if card is not None and card.gameable:
            raise InputError(
                f"board {self.name!r}: sort_by = {self.sort_by!r}, a metric without a reference: frames "
                f"unlike the truth can score well in it, so no board is sorted by it alone; choose one that "
                f"compares with the ground truth, or leave sort_by out"
            )

    def check_names(self, own: Collection[str] | None = ()) -> Self:
        """Refuse to order, compare or draw by what the board does not have.

        Args:
            own: The names of its methods that stand in folders; None: nobody knows them.

        Returns:
            The board.

        Raises:
            InputError: Names the key, and what is near.

        Example:
            >>> import vfsrbench as vb
            >>> vb.boards()["demo"].check_names().name
            'demo'
        """
        lists = {f"figures.{key}": value for key, value in self.figures if isinstance(value, tuple)}
        drawn = [(key, metric) for key, value in lists.items() for metric in value]
        for key, metric in (("sort_by", self.sort_by), *drawn):
            if metric is not None and metric not in self.metrics:
                raise did_you_mean(f"metric of board {self.name!r} under {key}", metric, self.metrics)
        bare = {*(method.partition("[")[0] for method in self.methods), *(own or ())}
        if self.versus and own is not None and self.versus.partition("[")[0] not in bare:
            raise did_you_mean(f"method of board {self.name!r} under versus", self.versus, self.methods)
        return self

    def replace(self, **changes: Any) -> Self:
        """The same with other values, checked as those of a file are.

        Restrictions are narrowed to the methods, splits and clips that remain, unless they are among the
        changes: a method of which no split remains runs nowhere. Those to clips end with another layout.

        Args:
            changes: New values by key.

        Raises:
            InputError: A value is not allowed, or there is no such key.
        """
        if "restrict" in changes or not self.restrict or not changes:
            return super().replace(**changes)
        kept = super().replace(**{**changes, "restrict": {}})
        left = {m: self._narrowed(r, kept) for m, r in self.restrict.items() if m in kept.methods}
        return super().replace(**{**changes, "restrict": left})

    def _narrowed(self, restriction: Restriction, to: Board) -> Restriction:
        splits, clips = restriction.splits, restriction.clips
        if splits is not None:
            splits = tuple(split for split in splits if split in to.splits)
        if clips is not None and to.dataset.layout != self.dataset.layout:
            clips = None
        elif clips is not None and to.dataset.clips:
            clips = tuple(clip for clip in clips if clip in to.dataset.clips)
        return Restriction(splits=splits, clips=clips)


def _known(what: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        raise ValueError(f"{what} {name!r}" + (f", did you mean {near[0]!r}?" if near else ""))


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
        return typed_toml.parse(
            cls, {**facts, "methods": (), "versus": None, "restrict": {}}, f"board {board.name!r}"
        )


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
