"""Clips in, scores or clips out: `score`, `metric`, `degrade`, `restore`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vfsrbench.api.arguments import StrPath, check_seed, check_whole
from vfsrbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from degradations.recipe import Recipe
    from vfsrbench.board import FinderName
    from vfsrbench.io.clip import Clip
    from vfsrbench.metric import Metric
    from vfsrbench.predictor import Predictor
    from vfsrbench.runtime.precision import Profile
    from vfsrbench.scoring.metric_function import MetricFunction


def score(
    restored: Any,
    gt: Any = None,
    metrics: str | Metric | Sequence[str | Metric] = ("psnr", "ssim"),
    *,
    landmarks: Any = None,
    finder: FinderName = "auto",
    device: str | torch.device | None = None,
    profile: Profile = "strict",
    crop_gt: bool = False,
) -> pd.DataFrame:
    """Score a restored clip, or several, against the ground truth.

    Args:
        restored: The restored clip: a `Clip`, a path, a list of pictures' paths, a uint8 array (T, H, W, 3),
            or a float tensor (T, 3, H, W) in [0, 1], which is rounded to 8 bits as the harness does. Or a
            list of clips, each in one of these forms.
        gt: The ground truth in any of these forms, the same frames at the same size; a list in the same order
            where `restored` is one. None: only metrics that need no ground truth can be asked for.
        metrics: Ids (see `metrics()`) or `Metric` objects, or a single one.
        landmarks: Five points a frame of the ground truth, (T, 5, 2), in pixels, x then y; for metrics that
            need them and do not find them themselves. A list where `restored` is one.
        finder: What finds the face for those, on ground truth without landmarks: `retinaface`, `dlib`, or
            `auto`, which is RetinaFace where its weights are here, else dlib.
        device: Where networks run. Default: the GPU if there is one.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.
        crop_gt: Where a restored clip is smaller or shorter than its ground truth, cut that to it: the top
            left corner, the first frames. Otherwise such clips are refused.

    Returns:
        A row a frame: `frame`, `name`, and a column for each metric that has a value a frame (a metric of
        pairs has NaN for the first). `.attrs["clip"]` has the clip's values by metric, `.attrs["missing"]`
        the number of frames without a value, `.attrs["unavailable"]` why a metric has none for this clip,
        `.attrs["finder"]` what found the face for a metric, where it had to be found, `.attrs["cropped"]`
        what was kept of the ground truth, where it was cut.

        For a list of clips a column `clip` comes first, `.attrs["clips"]` has the values by clip and metric
        (`missing`, `unavailable`, `finder` and `cropped` likewise), `.attrs["split"]` one value a metric
        over all clips.

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
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.scoring.direct import DirectScorer
    from vfsrbench.scoring.score_table import score_table

    scorer = DirectScorer(metrics, choose_device(device), profile, finder, crop_gt)
    return score_table(scorer, restored, gt, landmarks)


def metric(
    metric: str | Metric,
    *,
    finder: FinderName = "auto",
    device: str | torch.device | None = None,
    profile: Profile = "strict",
    crop_gt: bool = False,
) -> MetricFunction:
    """Load one metric as a function of a restored clip and its ground truth.

    Args:
        metric: The metric's id (see `metrics()`), or a `Metric` object.
        finder: What finds the face on ground truth without landmarks; see `score`.
        device: Where its network runs. Default: the GPU if there is one.
        profile: `strict` is float32; `fast` allows TF32 and bfloat16.
        crop_gt: Cut ground truth to smaller or shorter restored clips; see `score`.

    Returns:
        A callable, loaded once, for any number of clips: `function(restored, gt)` is the clip's value,
        `function.per_frame(restored, gt)` one float64 a frame. Lists of clips give the value over all clips.

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

    return MetricFunction(metric, choose_device(device), profile, finder, crop_gt)


def degrade(gt: Any, recipe: StrPath | Recipe, *, seed: int = 0, name: str | None = None) -> Clip:
    """Degrade a clean clip; the same bits on every machine.

    Args:
        gt: The clean clip, in any form that `score` takes for one.
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

    check_seed(seed)
    if not isinstance(recipe, str | os.PathLike | Recipe):
        raise InputError(f"recipe: give a name, a path or a Recipe, got {type(recipe).__name__}")
    clip = as_clip(gt, "gt", name)
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(os.fspath(recipe))
    made = chosen.apply(clip.frames(), clip.name, seed, clip.fps)
    return Clip.from_array(made.frames, clip.name, clip.fps)


def restore(
    lq: Any,
    method: StrPath | Predictor,
    *,
    scale: int | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    profile: Profile = "strict",
) -> Clip:
    """Restore a degraded clip.

    Args:
        lq: The degraded clip, in any form that `score` takes for one.
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
    from degradations.reading.limits import MOST_SCALE
    from vfsrbench.io.clip_argument import as_clip
    from vfsrbench.predictor import Predictor
    from vfsrbench.restoration.direct import restore_in_memory
    from vfsrbench.runtime.device import choose_device
    from vfsrbench.runtime.precision import check_profile

    check_seed(seed)
    if scale is not None:
        check_whole("scale", scale, 1, MOST_SCALE)
    if isinstance(method, os.PathLike):
        method = str(Path(method).absolute())  # a path is never the name of an installed method
    if not isinstance(method, str | Predictor):
        raise InputError(f"method: give a name, a folder's path or a Predictor, got {type(method).__name__}")
    chosen, profile = choose_device(device), check_profile(profile)
    return restore_in_memory(as_clip(lq, "lq"), method, scale, seed, chosen, profile)
