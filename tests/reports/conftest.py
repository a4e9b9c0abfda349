"""A browser for all tests of pages: one a process, as Playwright allows no second.

Tests that ask for it are skipped without Playwright and a Chromium of the system, unless the environment
variable VFSRBENCH_BROWSER says that they must run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.reports.site.browsing import find_browser, start


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with start() as playwright:
        made = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield made
        made.close()
