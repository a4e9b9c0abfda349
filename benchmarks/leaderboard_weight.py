"""What a leaderboard of 20 boards and 60 methods weighs, how long its pages take to build and to show.

    python benchmarks/leaderboard_weight.py [--boards 20] [--methods 60] [--bundle FILE.vfsr.zip]

With `--bundle`, what reading and checking one bundle costs. The browser's times need Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reports.leaderboard.pages.build import write_pages
from tests.reports.leaderboard.made_up import config, entries
from tests.reports.site.browsing import find_browser


def main() -> None:
    """Measure, and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=20)
    parser.add_argument("--methods", type=int, default=60)
    parser.add_argument("--bundle", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made_up = config(asked.boards)
        rows = entries(made_up, asked.methods)
        began = time.perf_counter()
        built = write_pages(made_up, rows, {}, Path(folder) / "site")
        print(f"{built.boards} boards, {built.methods} methods, {built.rows} rows")
        print(f"pages built in {time.perf_counter() - began:.1f} s")
        home = built.index.read_bytes()
        pages = [path.stat().st_size for path in (Path(folder) / "site" / "methods").iterdir()]
        every = sum(p.stat().st_size for p in (Path(folder) / "site").rglob("*") if p.is_file())
        print(f"home page {len(home) / 2**20:.2f} MiB, {len(gzip.compress(home)) / 2**10:.0f} KiB packed")
        print(f"largest method page {max(pages) / 2**10:.0f} KiB, whole site {every / 2**20:.1f} MiB")
        show(built.index)
    if asked.bundle is not None:
        check(asked.bundle)


def show(index: Path) -> None:
    """How long a browser takes to load the home page, to filter it and to sort a table."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("no browser: Playwright is not installed")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(index.as_uri())
        loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        spent = """act => { const t = performance.now(); act(); document.body.offsetHeight;
                          return performance.now() - t; }"""
        timed = f"text => ({spent})(new Function(text))"
        choose = (
            "const f = document.querySelector('#filters'); f.elements.division.selectedIndex = 1;"
            "f.dispatchEvent(new Event('input'))"
        )
        filtered = page.evaluate(timed, choose)
        ordered = page.evaluate(timed, "document.querySelectorAll('table.rows thead th')[1].click()")
        print(
            f"browser, 390 px wide: loaded {loaded:.0f} ms, filter {filtered:.0f} ms, sort {ordered:.0f} ms"
        )
        browser.close()


def check(bundle: Path) -> None:
    """What a bundle costs when the pages are built."""
    from reports.bundles.reading import read_bundle
    from reports.sharing.checking import check_bundle

    began = time.perf_counter()
    whole = read_bundle(bundle)
    read = time.perf_counter()
    check_bundle(whole)
    checked = time.perf_counter()
    size, results = bundle.stat().st_size / 2**10, whole.head.results
    spent = f"read {read - began:.2f} s, checked {checked - read:.2f} s"
    print(f"a bundle of {results} results, {size:.0f} KiB: {spent}")


if __name__ == "__main__":
    main()
