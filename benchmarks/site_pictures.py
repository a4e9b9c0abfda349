"""The pictures of the site in README.md, from the demo's (README's first picture: `readme_demo.py`).

    vfsrbench demo
    python benchmarks/site_pictures.py workspace/report/demo

Writes docs/images: the board and a clip's page in a real Chromium, wide and as on a phone.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.site_browser import Visit, chromium  # noqa: E402
from reports.figures.slices import LINE  # noqa: E402
from reports.figures.style import HUES  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CLIP = "clips/vfhq-mild/demo-calm.html"
PAGES = {
    "board": ("index.html", "", 1400, 1000),
    "site-wide": (CLIP, "method=realesrgan&frame=3", 1280, 1180),
    "site-phone": (CLIP, "method=realesrgan&frame=3", 390, 844),
}
HEAVIEST = 300_000  # bytes
KEPT = [int(hue[i : i + 2], 16) for hue in (*HUES, LINE, "#FFFFFF", "#000000") for i in (1, 3, 5)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("site", type=Path)
    site = parser.parse_args().site.resolve()
    with chromium() as browser:
        for name, (page, asked, wide, high) in PAGES.items():
            address = (site / page).as_uri() + (f"#{asked}" if asked else "")
            visit = Visit(browser, address, wide, high)
            write(name, Image.open(io.BytesIO(visit.page.screenshot())), wide)
            if visit.problems:
                raise SystemExit(f"{page}: {visit.problems}")
            visit.page.close()


def write(name: str, picture: Image.Image, wide: int) -> None:
    """As PNG of 256 colours, `wide` pixels, narrower if it would be too heavy. Those of methods are kept."""
    picture = picture.convert("RGB")
    while True:
        size = (wide, round(picture.height * wide / picture.width))
        small = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        few = small.quantize(palette=palette_of(small), dither=Image.Dither.FLOYDSTEINBERG)
        few.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= HEAVIEST:
            break
        wide = wide * 9 // 10
    (IMAGES / f"{name}.png").write_bytes(buffer.getvalue())
    print(f"{name}.png: {size[0]}x{size[1]}, {buffer.tell() / 1024:.0f} KiB")


def palette_of(picture: Image.Image) -> Image.Image:
    """The picture's commonest colours and those that are kept; white stays white, not nearly so."""
    common = np.array(picture.quantize(256 - len(KEPT) // 3).getpalette(), np.uint8).reshape(-1, 3)
    common = common[common.min(axis=1) < 245][: 256 - len(KEPT) // 3]
    palette = Image.new("P", (1, 1))
    palette.putpalette([*common.ravel().tolist(), *KEPT])
    return palette


if __name__ == "__main__":
    main()
