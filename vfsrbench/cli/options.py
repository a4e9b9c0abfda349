"""Options that several verbs share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from degradations.reading.limits import MOST_FRAMES, MOST_SCALE, MOST_SEED, MOST_WORKERS
from vfsrbench.errors import InputError
from vfsrbench.io.foreign_text import clean_name
from vfsrbench.io.safety.paths import as_path

if TYPE_CHECKING:
    from vfsrbench.board import Board

BoardName = Annotated[str, typer.Argument(help="a shipped board's name, or a board's TOML file as ./FILE")]
WorkspacePath = Annotated[
    Path, typer.Option("--workspace", "-w", help="where results and everything else is kept")
]
EngineName = Annotated[
    str,
    typer.Option(
        help="local: a process a GPU, or several on the CPU; serial: this one; workers: `vfsrbench worker` "
        "processes anywhere"
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, max=MOST_WORKERS, help="processes of the local engine")]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option("--engine-option", metavar="NAME=VALUE", help="an option of the engine (repeatable)"),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="engine workers: plan, then wait and report, or end at once")
]
Keep = Annotated[
    Literal["png", "video", "none"], typer.Option(help="keep restored frames, as PNG or lossless video")
]
ProfileName = Annotated[
    Literal["strict", "fast"],
    typer.Option("--profile", help="fast: TF32 and bfloat16, marked in every table"),
]
Force = Annotated[bool, typer.Option("--force", help="do everything again")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="try failed and skipped jobs again")]
SmallerWindows = Annotated[
    bool,
    typer.Option(
        "--allow-smaller-windows",
        help="where memory runs out, also for methods whose result depends on the window (marked in tables)",
    ),
]
CropGt = Annotated[
    bool,
    typer.Option(
        "--crop-gt",
        help="cut the ground truth to outputs that are smaller or shorter: top left, first frames (marked)",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="print jobs, disk and time; do nothing")]
Outputs = Annotated[
    list[str] | None,
    typer.Option("--outputs", metavar="NAME=PATH", help="score results that are there already (repeatable)"),
]
Manifests = Annotated[
    list[Path] | None,
    typer.Option("--manifest", help="published manifest to hold a split against (repeatable)"),
]
Splits = Annotated[
    list[str] | None,
    typer.Option("--split", help="instead of the board's: a recipe, or your own as ./FILE.toml (repeatable)"),
]
Methods = Annotated[
    list[str] | None,
    typer.Option("--method", help="beside the board's: a name, or ./FOLDER (repeatable)"),
]
MethodPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--method-path",
        metavar="FOLDER",
        help="beside the board's methods: the one in this folder, as --method ./FOLDER (repeatable)",
    ),
]
MethodPath = Annotated[
    str | None,
    typer.Option("--method-path", metavar="FOLDER", help="the method in this folder, as ./FOLDER"),
]
OnlyMethods = Annotated[
    list[str] | None, typer.Option("--only-method", help="of the board's methods these alone (repeatable)")
]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", help="instead of the board's metrics (repeatable)")
]
DatasetPath = Annotated[Path | None, typer.Option("--dataset", help="where the data set lies")]
Layout = Annotated[str | None, typer.Option(help="how it is laid out (see `vfsrbench list datasets`)")]
Clips = Annotated[list[str] | None, typer.Option("--clip", help="these clips alone (repeatable)")]
FrameCount = Annotated[
    int | None, typer.Option("--frames", min=1, max=MOST_FRAMES, help="the first so many frames of each clip")
]
Finder = Annotated[
    Literal["auto", "retinaface", "dlib"],
    typer.Option(help="what finds the face; auto: RetinaFace where its weights are here, else dlib"),
]
BoardFinder = Annotated[
    Literal["auto", "retinaface", "dlib"] | None,
    typer.Option(
        "--finder",
        help="what finds the face on ground truth without landmarks (default: the board's; auto: RetinaFace "
        "where its weights are here, else dlib)",
    ),
]
Scale = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_SCALE,
        help="layout real: how many times as large restored clips are (default: as large)",
    ),
]
Fit = Annotated[
    str | None,
    typer.Option(
        metavar="alone|refuse|crop|cropN",
        help="clips whose sides a split cannot divide: they fail alone (default), nothing runs, or the "
        "centre is taken, cropped to multiples of what splits divide by, or of N",
    ),
]
CropFit = Annotated[
    str | None,
    typer.Option(
        "--fit",
        metavar="cropN",
        help="take the centre of ground truth whose sides are no multiples of N (and of results)",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, max=MOST_SEED, help="of all that is drawn at random")]


def crop_multiple(fit: str | None) -> int:
    """What `--fit cropN` crops to multiples of, where no split says it; 1 without one.

    InputError for anything else.
    """
    if fit is not None and not re.fullmatch("crop[1-9][0-9]{0,3}", fit):
        raise InputError(f"--fit {fit!r}: say what to crop ground truth to multiples of, such as --fit crop4")
    return int((fit or "crop1").removeprefix("crop"))


def checked_fit(fit: str | None) -> str | None:
    """The value of --fit back. InputError if it is none."""
    if fit is not None and not re.fullmatch(r"alone|refuse|crop([1-9]\d{0,3})?", fit):
        raise InputError(f"--fit {fit!r}: say alone, refuse, crop, or what to crop to multiples of: crop8")
    return fit


def one_method(name: str | None, path: str | None, how: str) -> str:
    """The method named in one of two ways, the first called `how`. InputError for none or both."""
    if (name is None) == (path is None):
        raise InputError(f"say which method: either {how}, or --method-path FOLDER")
    return as_path(path) if name is None and path is not None else str(name)


def all_methods(names: Sequence[str] | None, paths: Sequence[str] | None) -> list[str]:
    """The methods of --method and --method-path."""
    return [*(names or ()), *map(as_path, paths or ())]


def find_board(name: str) -> Board:
    """A shipped board or a board's file."""
    from vfsrbench.plugins import find_board as find

    return find(name)


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE pairs. InputError for another form, or a name that comes twice."""
    found: dict[str, str] = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InputError(f"{option} {pair!r} must be NAME=VALUE")
        if name in found:
            raise InputError(f"{option}: {name!r} is given twice")
        found[name] = value
    return found


def parse_outputs(pairs: Sequence[str] | None, option: str = "--outputs") -> dict[str, Path]:
    """NAME=PATH pairs of an option, or of an argument. InputError for another form, or a name that comes
    twice."""
    from vfsrbench.io.names import check_unique

    found: dict[str, Path] = {}
    for pair in pairs or ():
        name, equals, path = pair.partition("=")
        name = clean_name(name)
        if not (name and equals and path):
            last = Path(pair).name or "outputs"
            raise InputError(f"{option} {pair!r} must be NAME=PATH, such as {last}={pair}")
        if name in found:
            raise InputError(f"{option}: the name {name!r} is given twice")
        found[name] = Path(path)
    check_unique(((name, None) for name in found), option)
    return found


def check_metrics(board: Board) -> None:
    """InputError when the clips have no ground truth, and every metric of the board needs it."""
    from vfsrbench.datasets.layouts import REAL
    from vfsrbench.plugins import metrics
    from vfsrbench.scoring.derived import with_sources

    if board.dataset.layout != REAL:
        return
    known = metrics()
    if all(card.reference for card in with_sources(board.metrics, known) if card.derived is None):
        free = [e.card.id for e in known if not e.card.reference]
        raise InputError(
            "these clips have no ground truth, and all metrics of the board need it; choose others: "
            + " ".join(f"--metric {name}" for name in free)
        )
