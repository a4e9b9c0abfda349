"""What every shipped recipe makes of a small clip, as digests. `python -m tests.degradations.digests` prints
them as JSON; needs no more than the degradations package does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from degradations.recipe import load_recipe
from degradations.shelf import list_recipes
from tests.degradations.clips import moving_clip

GOLDENS = Path(__file__).with_name("goldens.json")
WHOLE_SIZE = ("vfhq-mild-compat",)
"""Recipes whose codec is steady only on degraded frames of 128 pixels."""


def digests(name: str, seed: int = 0) -> list[str]:
    """The digests before the codec and at the end."""
    clip = moving_clip(2, 512, 512) if name in WHOLE_SIZE else moving_clip(3, 128, 128)
    made = load_recipe(name).apply(clip, "golden", seed, fps=25.0)
    return [made.digest_before_codec, made.digest]


def all_digests() -> dict[str, list[str]]:
    return {facts.name: digests(facts.name) for facts in list_recipes()}


if __name__ == "__main__":
    json.dump(all_digests(), sys.stdout, indent=1)
