"""What a board's site weighs and how fast it answers: 50 clips x 20 methods by default.

    python benchmarks/site_weight.py [--clips 50] [--methods 20] [--frames 4] [--size 128] [--keep FOLDER]

Makes clips (the demo portrait, moving) and outputs of named methods (each blurs it in its own way), runs a
board over them as a user does with `--outputs`, builds the site, and opens its pages in a real Chromium at
1280x800: what is fetched before anyone scrolls, and how long a click on a heading takes. Needs what
`make test-browser` needs. `--clips 2 --frames 24 --size 512` tells what a picture of that size weighs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.site_browser import Visit, chromium  # noqa: E402
from reports import build_report  # noqa: E402
from vfsrbench.board import Board, DatasetUse, Figures  # noqa: E402
from vfsrbench.io.clip import write_png_folder  # noqa: E402
from vfsrbench.runs.jobs import Options  # noqa: E402
from vfsrbench.runs.run import run_board  # noqa: E402

Pixels = NDArray[np.uint8]
METRICS = ("psnr", "ssim", "ssim_vt", "psnr_clip")
SPLIT = "LQ"
CLICK = """head => {
  const began = performance.now();
  head.click();
  head.closest("table").getBoundingClientRect();
  return performance.now() - began;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--methods", type=int, default=20)
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--keep", type=Path, help="make everything here and leave it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        if not (root / "data").exists():
            make_clips(root, given)
        index = build(root, given.methods)
        tell_files(index.parent, given)
        tell_browser(index)


def make_clips(root: Path, given: argparse.Namespace) -> None:
    """`data/GT`, `data/LQ` and `outputs/<method>`, a folder of PNG a clip."""
    picture = portrait(given.size)
    names = [f"{t:04d}" for t in range(given.frames)]
    for number in range(given.clips):
        truth = [moving(picture, given.size, number, t) for t in range(given.frames)]
        sides = {f"data/GT/clip-{number:02d}": truth, f"data/LQ/clip-{number:02d}": [small(f) for f in truth]}
        for method in range(1, given.methods):
            sides[f"outputs/method-{method:02d}/clip-{number:02d}"] = [blurred(f, method) for f in truth]
        for place, frames in sides.items():
            write_png_folder(root / place, frames, names)


def portrait(size: int) -> Pixels:
    """The demo portrait, RGB, its face square `size` wide and an eighth of it around."""
    import cv2

    from vfsrbench.datasets.demo.portrait import SIDE
    from vfsrbench.datasets.demo.portrait import portrait as planes

    whole = (planes().transpose(1, 2, 0) / 16).astype(np.uint8)
    side = SIDE * size // 512
    return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def moving(picture: Pixels, size: int, clip: int, frame: int) -> Pixels:
    """The square cut out of the picture, on an ellipse of its own for each clip."""
    room = (len(picture) - size) / 2
    angle = 2 * np.pi * (frame / 24 + clip / 50)
    left, top = (int(room * (1 + part)) for part in (0.9 * np.cos(angle), 0.5 * np.sin(angle + clip)))
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def small(frame: Pixels) -> Pixels:
    import cv2

    return np.asarray(cv2.resize(frame, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), np.uint8)


def blurred(frame: Pixels, method: int) -> Pixels:
    import cv2

    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.3 + 0.1 * method), np.uint8)


def build(root: Path, methods: int) -> Path:
    """Run the board and build its site; the index page."""
    board = Board(
        name="weight",
        title="Site weight",
        version=1,
        dataset=DatasetUse(layout="pairs", path=str(root / "data")),
        splits=(SPLIT,),
        methods=("bicubic",),
        metrics=METRICS,
        sort_by="psnr",
        versus="bicubic",
        figures=Figures(curves=("psnr",)),
    )
    outputs = {f"method-{m:02d}": root / "outputs" / f"method-{m:02d}" for m in range(1, methods)}
    began = time.perf_counter()
    summary = run_board(board, root / "workspace", Options(keep="video", outputs=outputs), engine="serial")
    print(f"run: {len(summary.jobs)} jobs, {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    report = build_report(board, root / "workspace", root / "site", outputs=outputs, site=True)
    print(f"site: built in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    build_report(board, root / "workspace", root / "site", outputs=outputs, site=True)
    print(f"site: built again, media there, in {time.perf_counter() - began:.0f} s")
    return report.index


def tell_files(site: Path, given: argparse.Namespace) -> None:
    files = [p for p in site.rglob("*") if p.is_file()]
    total = sum(p.stat().st_size for p in files)
    print(f"site: {len(files)} files, {total / 2**20:.1f} MiB")
    for page in ("index.html", f"clips/{SPLIT}/clip-00.html", "worst.html", "provenance.html"):
        print(f"  {page}: {(site / page).stat().st_size / 1024:.0f} KiB")
    pictures = (given.methods + 1) * given.clips * given.frames  # the degraded ones are small: not counted
    videos = sorted((site / "media").glob("*.mp4"), key=lambda p: p.stat().st_size)[given.clips :]
    heavy = sum(p.stat().st_size for p in videos)
    print(f"  {heavy / pictures / 1024:.1f} KiB of video a {given.size}x{given.size} picture")
    strips = sum(p.stat().st_size for p in (site / "media").glob("*.png"))
    posters = sum(p.stat().st_size for p in (site / "media").glob("*.jpg"))
    each = given.clips * (given.methods + 2) * 1024
    print(f"  {posters / each:.1f} KiB a poster, {strips / each:.1f} KiB a slice")


def tell_browser(index: Path) -> None:
    """First views and answers."""
    with chromium() as browser:
        pages = ("index.html", f"clips/{SPLIT}/clip-00.html", "worst.html", "provenance.html")
        for name in pages:
            for wide, high in ((1280, 800), (390, 800)):
                visit = Visit(browser, (index.parent / name).as_uri(), wide, high)
                files, size = visit.weight()
                ready = visit.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
                print(f"{name} at {wide}x{high}: {files} files, {size / 1024:.0f} KiB, ready {ready:.0f} ms")
                if visit.problems:
                    print("  PROBLEMS:", visit.problems)
                visit.page.close()
        visit = Visit(browser, index.as_uri(), 1280, 800)
        tables = visit.page.locator("table.board.sortable")
        for number, what in enumerate(("leaderboard", "clip by clip")):
            head = tables.nth(number).locator("th").nth(1)
            times = [head.evaluate(CLICK) for _ in range(5)]
            print(f"sorting, {what}: {np.median(times):.1f} ms")


if __name__ == "__main__":
    main()
