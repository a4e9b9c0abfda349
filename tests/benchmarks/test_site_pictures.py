"""The README's pictures keep their colours: no palette, no dither."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import site_pictures

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("side", "most"), [(96, 0), (128, 40)])
def test_a_picture_is_written_in_true_colour(
    side: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without loss where it is light enough, nearly so where it is not."""
    monkeypatch.setattr(site_pictures, "IMAGES", tmp_path)
    monkeypatch.setattr(site_pictures, "HEAVIEST", 10_000)  # else only large ones are heavy, which take long
    ramp = np.linspace(0, 255, side)
    pixels = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], ramp[None, ::-1]), axis=2)
    noise = np.random.default_rng(0).normal(0, 4, (side, side, 1)) if most else 0
    picture = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    site_pictures.write("ramp", Image.fromarray(picture))
    back = Image.open(tmp_path / "ramp.webp")
    assert (back.mode, back.size) == ("RGB", (side, side))
    lost = np.abs(np.asarray(back).astype(int) - picture).max()
    assert (lost > 0) == (most > 0) and lost <= most
    assert len(np.unique(np.asarray(back).reshape(-1, 3), axis=0)) > 5000


def test_every_picture_of_the_readme_is_in_true_colour() -> None:
    named = set(re.findall(r"docs/images/[\w.-]+", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(named) >= 4
    for name in named:
        with Image.open(ROOT / name) as picture:
            assert picture.mode == "RGB", f"{name}: {picture.mode}"
