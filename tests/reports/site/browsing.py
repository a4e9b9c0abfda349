"""A real browser for the tests of the site: pages that remember what went wrong on them."""

from __future__ import annotations

import io
import os
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'
FRAMES = 12


def find_browser() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return None


def start() -> Any:
    """Playwright, or a skip with its reason."""
    must = bool(os.environ.get("VFSRBENCH_BROWSER"))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        if must:
            raise
        pytest.skip("Playwright is not installed: pip install -e '.[browser]'")
    if find_browser() is None:
        if must:
            pytest.fail("no Chromium found")
        pytest.skip("no Chromium found: apt-get install chromium")
    return sync_playwright()


class Visit:
    """A page that remembers what went wrong on it."""

    def __init__(self, browser: Any, address: str, width: int = 1200, height: int = 1000) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.problems: list[str] = []
        self.page.on("console", lambda m: self.problems.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.problems.append(f"error: {e}"))
        self.page.on("dialog", lambda d: (self.problems.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on("requestfailed", lambda r: self.problems.append(f"failed: {r.url} {r.failure}"))
        self.page.on("request", self._request)
        self.page.goto(address)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.problems.append(f"fetched: {request.url}")

    def close(self) -> None:
        self.page.close()
        aborted = "net::ERR_ABORTED"  # a video is fetched in pieces: asking for another piece ends the first
        assert [p for p in self.problems if not p.endswith(aborted)] == []


def picture(locator: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def ready(page: Any) -> None:
    """Both videos of the wipe can show a frame."""
    loaded = "() => [...document.querySelectorAll('#wipe video')].every(v => v.readyState >= 2 && !v.seeking)"
    page.wait_for_function(loaded, timeout=15_000)
    page.wait_for_timeout(250)
