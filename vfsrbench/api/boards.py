"""Boards from Python: `run_board`, `report`, `load_results`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vfsrbench.api.arguments import StrPath, check_run, chosen_board
from vfsrbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from vfsrbench.board import Board
    from vfsrbench.engines.base import Engine
    from vfsrbench.predictor import Predictor
    from vfsrbench.results.job import Keep
    from vfsrbench.results.schema import JobRecord
    from vfsrbench.runs.progress import Progress
    from vfsrbench.runs.summary import RunSummary
    from vfsrbench.runtime.precision import Profile


def load_results(places: StrPath | Sequence[StrPath]) -> tuple[pd.DataFrame, list[JobRecord]]:
    """Read the results of runs as one table.

    Args:
        places: A workspace, a folder of results, a results file, or several of these.

    Returns:
        The frames, a row a frame (`dataset`, `split`, `method`, `clip`, `frame`, `name`, a column a metric),
        and the records, one a job. `frames.attrs["skipped"]` says which files were not read, and why. Values
        that random weights of a metric made are left out; `frames.attrs["untrained"]` names those metrics.

    Raises:
        InputError: A place does not exist, or there are no results.

    Example:
        >>> import vfsrbench as vb
        >>> vb.load_results("no-such-folder")
        Traceback (most recent call last):
        ...
        degradations.errors.InputError: no-such-folder: no such results; `vfsrbench run BOARD` makes them
    """
    from vfsrbench.results.frame_table import load_results as load

    given = [places] if isinstance(places, str | os.PathLike) else list(places)
    folders = [Path(place) for place in given]
    frames, records, skipped = load([f / "results" if (f / "results").is_dir() else f for f in folders])
    if not records:
        where = ", ".join(map(str, folders)) or "places"
        reason = f" ({skipped[0]})" if skipped else ""
        raise InputError(f"{where}: no results there{reason}; `vfsrbench run BOARD` makes them")
    frames.attrs["skipped"] = skipped
    frames.attrs["untrained"] = sorted({m for r in records for m, s in r.scores.items() if s.untrained})
    return frames, records


def run_board(
    board: StrPath | Board,
    workspace: StrPath = "workspace",
    *,
    engine: str | Engine | None = None,
    workers: int | None = None,
    methods: Sequence[Predictor] = (),
    keep: Keep = "none",
    force: bool = False,
    retry_failed: bool = False,
    profile: Profile = "strict",
    outputs: Mapping[str, StrPath] | None = None,
    manifests: Sequence[StrPath] = (),
    progress: Progress | None = None,
    allow_smaller_windows: bool = False,
    crop_gt: bool = False,
) -> RunSummary:
    """Run what is missing of a board.

    Args:
        board: A board's name (see `boards()`), the path of its TOML file, or a `Board`.
        workspace: The folder that keeps results and everything else.
        engine: How tasks are run: `local` (worker processes), `serial` (this process), or an `Engine`.
            Default: `local`, but `serial` where there are `methods`, which cannot go to other processes.
        workers: How many processes. Default: by GPUs, or CPUs and memory.
        methods: `Predictor` objects, rows beside the board's own methods.
        keep: What to keep of restored frames: `none`, `png`, or `video` (without loss).
        force: Do again what is done.
        retry_failed: Try failed jobs again.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.
        outputs: Folders of restored clips that are there already, by the name of their row.
        manifests: Published manifests that the degraded frames are checked against.
        progress: Is told what the run is doing.
        allow_smaller_windows: Where memory runs out, methods whose result depends on the window may take a
            smaller one; their rows say so.
        crop_gt: Where `outputs` are smaller or shorter than their ground truth, cut that to them (the top
            left corner, the first frames); their rows say so. Otherwise such clips fail.

    Returns:
        The outcome: `records`, the record of every job, `counts` by status, `problems`.

    Raises:
        InputError: The board, the data set or the workspace cannot be used.
        PoisonedDevice: With `engine="serial"`: a job left this process's GPU unusable. It is recorded, and
            the same call in a new process goes on with the rest.

    Example:
        >>> import tempfile, vfsrbench as vb
        >>> board = vb.boards()["demo"].replace(
        ...     dataset={"layout": "demo", "clips": ["demo-calm"], "frames": 2},
        ...     splits=["vfhq-mild"], methods=["bicubic"], metrics=["psnr"], versus=None, sort_by=None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     vb.run_board(board, folder, engine="serial").counts
        {'ok': 1}
    """
    from vfsrbench.runs.jobs import Options
    from vfsrbench.runs.run import run_board as run
    from vfsrbench.runtime.precision import check_profile

    check_run(keep, workers, methods)
    options = Options(
        keep=keep,
        force=force,
        retry_failed=retry_failed,
        outputs={name: Path(folder) for name, folder in (outputs or {}).items()},
        manifests=tuple(Path(manifest) for manifest in manifests),
        profile=check_profile(profile),
        smaller_windows=allow_smaller_windows,
        crop_gt=crop_gt,
    )
    return run(
        chosen_board(board),
        Path(workspace),
        options,
        engine=engine or ("serial" if methods else "local"),
        workers=workers,
        methods=methods,
        progress=progress,
    )


class ReportFiles(Protocol):
    """What `report` wrote."""

    @property
    def index(self) -> Path:
        """The page."""

    @property
    def tables(self) -> Sequence[Any]:
        """A table a split."""

    @property
    def files(self) -> Sequence[Path]:
        """Every file."""

    @property
    def skipped(self) -> Sequence[str]:
        """What was left out, and why."""


def report(
    board: StrPath | Board,
    workspace: StrPath = "workspace",
    out: StrPath | None = None,
    *,
    results: Sequence[StrPath] = (),
    outputs: Mapping[str, StrPath] | None = None,
    formats: Sequence[str] = ("png",),
    partial: bool = False,
    site: bool = False,
    bundles: Sequence[StrPath] = (),
) -> ReportFiles:
    """Write a board's tables, figures and page from results that are there.

    Args:
        board: A board's name, the path of its TOML file, or a `Board`.
        workspace: The folder in which it was run.
        out: The report's folder. Default: `report/BOARD` in the workspace.
        results: Files or folders of results to use instead of the workspace's.
        outputs: Where restored clips of your own lie, by the name of their row; for pictures.
        formats: Of the figures: `png`, and `pdf` where it is asked for.
        partial: Print means over rows that are not complete, too.
        site: Add a page a clip, with players, and the worst clips; a site that is there stays one.
        bundles: Files that `vfsrbench bundle` wrote, whose rows stand beside the workspace's.

    Returns:
        What was written: `index` (the page), `tables`, `files`, `skipped`.

    Raises:
        InputError: There are no results, or `out` cannot be written.

    Example:
        >>> import tempfile, vfsrbench as vb
        >>> board = vb.boards()["demo"].replace(
        ...     dataset={"layout": "demo", "clips": ["demo-calm"], "frames": 2}, figures={},
        ...     splits=["vfhq-mild"], methods=["bicubic"], metrics=["psnr"], versus=None, sort_by=None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     summary = vb.run_board(board, folder, engine="serial")
        ...     vb.report(board, folder, formats=["png"]).index.name
        'index.html'
    """
    from vfsrbench.io.names import slug
    from vfsrbench.plugins import load_reporter

    chosen, place = chosen_board(board), Path(workspace)
    folder = place / "report" / slug(chosen.name) if out is None else Path(out)
    written: ReportFiles = load_reporter("build")(
        chosen,
        place,
        folder,
        results=[Path(path) for path in results],
        outputs={name: Path(path) for name, path in (outputs or {}).items()},
        formats=formats,
        partial=partial,
        site=site,
        bundles=[Path(path) for path in bundles],
    )
    return written
