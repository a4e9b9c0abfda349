"""The reference benchmark for video face super-resolution: the public API.

    import vfsrbench as vb

    vb.score(restored, gt, metrics=["psnr", "ssim"])    # a pandas frame, a row a frame
    vb.restore(vb.degrade(gt, "vfhq-mild"), "bicubic")  # clips in, clips out

docs/python.md shows each function in use. Names are imported when they are used: importing the package loads
neither torch nor numpy nor pydantic.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from vfsrbench.version import __version__

if TYPE_CHECKING:
    from vfsrbench.api.boards import load_results as load_results
    from vfsrbench.api.boards import report as report
    from vfsrbench.api.boards import run_board as run_board
    from vfsrbench.api.clips import degrade as degrade
    from vfsrbench.api.clips import metric as metric
    from vfsrbench.api.clips import restore as restore
    from vfsrbench.api.clips import score as score
    from vfsrbench.api.listings import boards as boards
    from vfsrbench.api.listings import datasets as datasets
    from vfsrbench.api.listings import methods as methods
    from vfsrbench.api.listings import metrics as metrics
    from vfsrbench.api.listings import recipes as recipes
    from vfsrbench.board import Board as Board
    from vfsrbench.card import MethodCard as MethodCard
    from vfsrbench.card import MetricCard as MetricCard
    from vfsrbench.datasets.dataset import Dataset as Dataset
    from vfsrbench.errors import InputError as InputError
    from vfsrbench.io.clip import Clip as Clip
    from vfsrbench.metric import Metric as Metric
    from vfsrbench.predictor import ClipInfo as ClipInfo
    from vfsrbench.predictor import ImagePredictor as ImagePredictor
    from vfsrbench.predictor import Predictor as Predictor

_HOMES = {
    "vfsrbench.api.boards": ("load_results", "report", "run_board"),
    "vfsrbench.api.clips": ("degrade", "metric", "restore", "score"),
    "vfsrbench.api.listings": ("boards", "datasets", "methods", "metrics", "recipes"),
    "vfsrbench.board": ("Board",),
    "vfsrbench.card": ("MethodCard", "MetricCard"),
    "vfsrbench.datasets.dataset": ("Dataset",),
    "vfsrbench.errors": ("InputError",),
    "vfsrbench.io.clip": ("Clip",),
    "vfsrbench.metric": ("Metric",),
    "vfsrbench.predictor": ("ClipInfo", "ImagePredictor", "Predictor"),
}
MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}
"""The module that each public name comes from."""

__all__ = [
    "Board",
    "Clip",
    "ClipInfo",
    "Dataset",
    "ImagePredictor",
    "InputError",
    "MethodCard",
    "Metric",
    "MetricCard",
    "Predictor",
    "__version__",
    "boards",
    "datasets",
    "degrade",
    "load_results",
    "methods",
    "metric",
    "metrics",
    "recipes",
    "report",
    "restore",
    "run_board",
    "score",
]


if not TYPE_CHECKING:  # type checkers see the imports above, and tell a name that is not there

    def __getattr__(name: str) -> Any:
        if name not in MODULE_OF:
            message = f"module {__name__!r} has no attribute {name!r}"
            # with these two Python adds the nearest name
            raise AttributeError(message, name=name, obj=sys.modules[__name__])
        return getattr(importlib.import_module(MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
