"""What every shipped recipe makes of small clips, as digests before the codec and at the end.

python -m tests.degradations.digests            print those of the synthetic clip; needs no other package
python -m tests.degradations.digests --write    make goldens.json anew, after raising versions
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from degradations.recipe import load_recipe
from degradations.shipped import list_recipes
from tests.degradations.clips import moving_clip

GOLDENS = Path(__file__).with_name("goldens.json")
WHOLE_SIZE = ("vfhq-mild-compat",)
"""Recipes whose codec is steady only on degraded frames of 128 pixels."""
DEMO_CLIPS = ("demo-calm", "demo-talking", "demo-fast")


def digests(name: str, seed: int = 0) -> list[str]:
    """Those of the synthetic clip."""
    clip = moving_clip(2, 512, 512) if name in WHOLE_SIZE else moving_clip(3, 128, 128)
    made = load_recipe(name).apply(clip, "golden", seed, fps=25.0)
    return [made.digest_before_codec, made.digest]


def all_digests() -> dict[str, list[str]]:
    return {facts.name: digests(facts.name) for facts in list_recipes()}


def demo_digests(name: str, clip: str) -> list[str]:
    """Those of the first two frames of a demo clip."""
    from vfsrbench.datasets.demo.clips import demo_clip

    made = load_recipe(name).apply(demo_clip(clip, 2).frames(), clip)
    return [made.digest_before_codec, made.digest]


def write() -> None:
    names = [facts.name for facts in list_recipes()]
    demo = {name: {clip: demo_digests(name, clip) for clip in DEMO_CLIPS} for name in names}
    GOLDENS.write_text(json.dumps({"synthetic": all_digests(), "demo": demo}, indent=1) + "\n")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    else:
        json.dump(all_digests(), sys.stdout, indent=1)
