"""A site's pages in the Chromium of the system, for measuring and for pictures. Needs Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser. SystemExit says what is missing."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("no Chromium found: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise SystemExit("Playwright is not installed: pip install -e '.[browser]'") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """One page, opened from the file system at a window's size; it knows what was fetched for it."""

    def __init__(self, browser: Any, address: str, wide: int, high: int) -> None:
        self.page = browser.new_page(viewport={"width": wide, "height": high})
        self.fetched: set[Path] = set()
        self.problems: list[str] = []
        self.page.on("request", lambda r: self._note(r.url))
        self.page.on("console", lambda m: self.problems.append(m.text))
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.goto(address, wait_until="load")
        self.page.wait_for_timeout(1500)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            self.fetched.add(Path(unquote(parts.path)))
        elif parts.scheme != "data":
            self.problems.append(f"fetched {url}")

    def weight(self) -> tuple[int, int]:
        """(files, bytes) fetched so far; a video counts whole, though its end may still be on the way."""
        return len(self.fetched), sum(p.stat().st_size for p in self.fetched)
