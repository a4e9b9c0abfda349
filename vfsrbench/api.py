"""The functions of the public API: score, degrade, restore, run, report, and what there is to choose from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfsrbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from degradations.recipe import Recipe
    from degradations.shipped import RecipeFacts
    from vfsrbench.board import Board
    from vfsrbench.card import MethodCard, MetricCard
    from vfsrbench.io.clip import Clip
    from vfsrbench.predictor import Predictor
    from vfsrbench.results.schema import JobRecord
    from vfsrbench.runs.summary import RunSummary
    from vfsrbench.runtime.precision import Profile
    from vfsrbench.scoring.metric_function import MetricFunction

StrPath = str | os.PathLike[str]


def score(
    restored: Any,
    gt: Any = None,
    metrics: Sequence[str] = ("psnr", "ssim"),
    *,
    landmarks: Any = None,
    device: str | torch.device | None = None,
    profile: Profile = "strict",
) -> pd.DataFrame:
    """Score a restored clip against its ground truth.

    Args:
        restored: The restored clip: a `Clip`, a path, a list of pictures' paths, a uint8 array (T, H, W, 3),
            or a float tensor (T, 3, H, W) in [0, 1], which is rounded to 8 bits as the harness does.
        gt: The ground truth in any of these forms, the same frames at the same size. None: only metrics that
            need no ground truth can be asked for.
        metrics: Ids, see `metrics()`.
        landmarks: Five points a frame of the ground truth, (T, 5, 2), in pixels, x then y; for metrics that
            need them and do not find them themselves.
        device: Where networks run. Default: the GPU if there is one.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.

    Returns:
        A row a frame: `frame`, `name`, and a column for each metric that has a value a frame (a metric of
        pairs has NaN for the first). `.attrs["clip"]` has the clip's values by metric, `.attrs["missing"]`
        the number of frames without a value, `.attrs["unavailable"]` why a metric has none for this clip.

    Raises:
        InputError: A clip is wrong (form, size, values), a metric is not known, or its weights are not here.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> gt = np.full((3, 64, 64, 3), 120, np.uint8)
        >>> table = vb.score(gt + np.uint8(2), gt, metrics=["psnr"])
        >>> [round(v, 2) for v in table["psnr"]]
        [42.11, 42.11, 42.11]
        >>> round(table.attrs["clip"]["psnr"], 2)
        42.11
    """
    import pandas as pd

    from vfsrbench.io.clip_argument import as_clip
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.scoring.direct import DirectScorer

    clip = as_clip(restored, "restored")
    truth = None if gt is None else as_clip(gt, "gt")
    scorer = DirectScorer(tuple(metrics), choose_device(device), profile)
    for card in scorer.cards:
        if card.level == "split":
            raise InputError(
                f"metrics: {card.id} is one value over many clips; use "
                f"vfsrbench.metric({card.id!r})([restored, ...], [gt, ...])"
            )
        if card.reference and truth is None:
            raise InputError(f"metrics: {card.id} compares with the ground truth; give gt")
    found, _ = scorer.score(clip, truth, landmarks)
    asked = [card.id for card in scorer.cards]
    columns = {m: found.values.get(m) for m in asked if m in found.values or m in found.unavailable}
    names = (truth or clip).frame_names
    table = pd.DataFrame({"frame": range(len(clip)), "name": list(names)})
    for metric_id, values in columns.items():
        table[metric_id] = float("nan") if values is None else values
    table.attrs = {
        "clip": {m: found.clip_values[m] for m in asked if m in found.clip_values},
        "missing": {m: found.missing[m] for m in asked if m in found.missing},
        "unavailable": {m: found.unavailable[m] for m in asked if m in found.unavailable},
    }
    return table


def metric(
    metric_id: str, *, device: str | torch.device | None = None, profile: Profile = "strict"
) -> MetricFunction:
    """Load one metric as a function of a restored clip and its ground truth.

    Args:
        metric_id: The metric's id, see `metrics()`.
        device: Where its network runs. Default: the GPU if there is one.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.

    Returns:
        A callable, loaded once, for any number of clips: `function(restored, gt)` is the clip's value,
        `function.per_frame(restored, gt)` one float64 a frame.

    Raises:
        InputError: The metric is not known, or its weights are not here.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> psnr = vb.metric("psnr")
        >>> gt = np.full((3, 64, 64, 3), 120, np.uint8)
        >>> round(psnr(gt + np.uint8(2), gt), 2)
        42.11
        >>> psnr.card.unit
        'dB'
    """
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.scoring.metric_function import MetricFunction

    return MetricFunction(metric_id, choose_device(device), profile)


def degrade(
    gt: Any, recipe: str | os.PathLike[str] | Recipe, *, seed: int = 0, name: str | None = None
) -> Clip:
    """Degrade a clean clip; the same bits on every machine.

    Args:
        gt: The clean clip, in any form that `score` takes.
        recipe: A shipped recipe's name (see `recipes()`), the path of a TOML file, or a `Recipe`.
        seed: Chooses the random numbers, together with the clip's name.
        name: The clip's name. Default: that of the clip or its path; `gt` for frames in memory.

    Returns:
        The degraded clip, in memory.

    Raises:
        InputError: The clip or the recipe is wrong, or the recipe's scale does not divide the clip's sides.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> gt = np.full((2, 64, 64, 3), 120, np.uint8)
        >>> lq = vb.degrade(gt, "bi-x4")
        >>> len(lq), lq.height, lq.width
        (2, 16, 16)
    """
    from degradations.recipe import Recipe, load_recipe
    from vfsrbench.io.clip import Clip
    from vfsrbench.io.clip_argument import as_clip

    clip = as_clip(gt, "gt", name)
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(os.fspath(recipe))
    made = chosen.apply(clip.frames(), clip.name, seed, clip.fps)
    return Clip.from_array(made.frames, clip.name, clip.fps)


def restore(
    lq: Any,
    method: str | Predictor,
    *,
    scale: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    profile: Profile = "strict",
) -> Clip:
    """Restore a degraded clip.

    Args:
        lq: The degraded clip, in any form that `score` takes.
        method: `name`, `name[option=value]` (see `methods()`), the path of a method's folder (`./mymethod`),
            or a `Predictor`.
        scale: How many times as large the result is. Default: the method's own scale, the size that its
            network works at, or 4.
        seed: Chooses the method's random numbers, together with the clip's name.
        device: Where it runs. Default: the GPU if there is one.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.

    Returns:
        The restored clip, in memory. For many clips, or long ones, `vfsrbench restore` and boards load the
        method once and hold a window at a time.

    Raises:
        InputError: The method or its weights cannot be used, the clip is wrong, or the restoration failed.

    Example:
        >>> import numpy as np, vfsrbench as vb
        >>> lq = np.full((2, 16, 16, 3), 120, np.uint8)
        >>> restored = vb.restore(lq, "bicubic", scale=4, device="cpu")
        >>> restored[0].shape
        (64, 64, 3)
    """
    from vfsrbench.io.clip_argument import as_clip
    from vfsrbench.restoration.direct import restore_in_memory
    from vfsrbench.runtime.device import choose_device

    return restore_in_memory(as_clip(lq, "lq"), method, scale, seed, choose_device(device), profile)


def load_results(places: StrPath | Sequence[StrPath]) -> tuple[pd.DataFrame, list[JobRecord]]:
    """Read the results of runs as one table.

    Args:
        places: A workspace, a folder of results, a results file, or several of these.

    Returns:
        The frames, a row a frame (`dataset`, `split`, `method`, `clip`, `frame`, `name`, a column a metric),
        and the records, one a job. `frames.attrs["skipped"]` says which files were not read, and why.

    Raises:
        InputError: A place does not exist.

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
    for folder in folders:
        if not folder.exists():
            raise InputError(f"{folder}: no such results; `vfsrbench run BOARD` makes them")
    frames, records, skipped = load([f / "results" if (f / "results").is_dir() else f for f in folders])
    frames.attrs["skipped"] = skipped
    return frames, records


def run_board(board: StrPath | Board, workspace: StrPath = "workspace", **how: Any) -> RunSummary:
    """Run what is missing of a board.

    Args:
        board: A board's name (see `boards()`), the path of its TOML file, or a `Board`.
        workspace: The folder that keeps results and everything else.
        **how: As `vfsrbench.runs.run.run_board` takes them: `engine`, `workers`, `methods` (Predictor
            objects), `keep`, `force`, `retry_failed`, `profile`, `outputs`, `manifests`, `progress`.

    Returns:
        The outcome: the record of every job, counts, problems.

    Raises:
        InputError: The board, the data set or the workspace cannot be used.
    """
    from vfsrbench.plugins import find_board
    from vfsrbench.runs.run import run_board as run

    chosen = find_board(os.fspath(board)) if isinstance(board, str | os.PathLike) else board
    return run(chosen, Path(workspace), **how)


def report(
    board: StrPath | Board, workspace: StrPath = "workspace", out: StrPath | None = None, **how: Any
) -> Any:
    """Write a board's tables, figures and page from results that are there.

    Args:
        board: A board's name, the path of its TOML file, or a `Board`.
        workspace: The folder in which it was run.
        out: The report's folder. Default: `report/BOARD` in the workspace.
        **how: As `reports.report.build_report` takes them: `results`, `clips`, `outputs`, `formats`,
            `partial`, `site`, `progress`.

    Returns:
        What was written: `index` (the page), `tables`, `files`, `skipped`.

    Raises:
        InputError: There are no results, or `out` cannot be written.
    """
    from vfsrbench.io.names import slug
    from vfsrbench.plugins import find_board, load_reporter

    chosen = find_board(os.fspath(board)) if isinstance(board, str | os.PathLike) else board
    place = Path(workspace)
    folder = place / "report" / slug(chosen.name) if out is None else Path(out)
    return load_reporter("build")(chosen, place, folder, **how)


def methods() -> Mapping[str, MethodCard]:
    """Every installed method's card, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.methods()["keep"].kind
        'video'
    """
    from vfsrbench import plugins

    return {entry.card.name: entry.card for entry in plugins.methods()}


def metrics() -> Mapping[str, MetricCard]:
    """Every installed metric's card, by id.

    Example:
        >>> import vfsrbench as vb
        >>> vb.metrics()["psnr"].unit
        'dB'
    """
    from vfsrbench import plugins

    return {entry.card.id: entry.card for entry in plugins.metrics()}


def recipes() -> Mapping[str, RecipeFacts]:
    """Every shipped recipe, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.recipes()["vfhq-mild"].status
        'official'
    """
    from degradations.shipped import list_recipes

    return {recipe.name: recipe for recipe in list_recipes()}


def boards() -> Mapping[str, Board]:
    """Every installed board, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.boards()["demo"].dataset.layout
        'demo'
    """
    from vfsrbench.board import load_board
    from vfsrbench.plugins import board_files

    return {name: load_board(path) for name, path in board_files().items()}


def datasets() -> Mapping[str, str]:
    """Every layout of data sets: what `Dataset` and boards can read, with a line about each.

    Example:
        >>> import vfsrbench as vb
        >>> "vfhq-test" in vb.datasets()
        True
    """
    from vfsrbench.datasets.layouts import describe_layouts

    return describe_layouts()
