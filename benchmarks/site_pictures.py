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

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.site_browser import Visit, chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
CLIP = "clips/vfhq-mild/demo-calm.html"
PAGES = {
    "board": ("index.html", "", 1400, 1000),
    "site-wide": (CLIP, "method=realesrgan&frame=3", 1280, 1180),
    "site-phone": (CLIP, "method=realesrgan&frame=3", 390, 844),
}
HEAVIEST = 300_000  # bytes of a picture without loss


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("site", type=Path)
    site = parser.parse_args().site.resolve()
    with chromium() as browser:
        for name, (page, asked, wide, high) in PAGES.items():
            address = (site / page).as_uri() + (f"#{asked}" if asked else "")
            visit = Visit(browser, address, wide, high)
            write(name, Image.open(io.BytesIO(visit.page.screenshot())))
            if visit.problems:
                raise SystemExit(f"{page}: {visit.problems}")
            visit.page.close()


def write(name: str, picture: Image.Image) -> None:
    """As WebP in true colour and full size: without loss, where that is light enough."""
    buffer = io.BytesIO()
    for how in ({"lossless": True, "quality": 100}, {"quality": 92}):
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "WEBP", method=6, **how)
        if buffer.tell() <= HEAVIEST:
            break
    (IMAGES / f"{name}.webp").write_bytes(buffer.getvalue())
    loss = "without loss" if "lossless" in how else f"quality {how['quality']}"
    print(f"{name}.webp: {picture.width}x{picture.height}, {buffer.tell() / 1024:.0f} KiB, {loss}")


if __name__ == "__main__":
    main()
