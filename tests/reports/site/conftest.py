"""The site of a synthetic board, and visits to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports import build_report
from tests.reports import synthetic
from tests.reports.site.browsing import EVIL, Visit


@pytest.fixture(scope="session")
def root(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("browser site")
    synthetic.write_board(place / "results")
    for clip in synthetic.CLIPS:
        synthetic.write_result(
            place / "results", "evil", "vfhq-mild", clip, method_title=EVIL, warnings=[EVIL]
        )
    synthetic.write_strips(place)
    synthetic.write_frames(place, place / "data")
    board = synthetic.board(title=f"Board {EVIL}", dataset={"layout": "folder", "path": str(place / "data")})
    return build_report(board, place, place / "out", site=True, formats=("png",)).index.parent


@pytest.fixture
def visit(browser: Any, root: Path) -> Iterator[Any]:
    opened: list[Visit] = []

    def go(page: str, **size: int) -> Any:
        path, _, asked = page.partition("#")
        address = (root / path).as_uri() + (f"#{asked}" if asked else "")
        opened.append(Visit(browser, address, **size))
        return opened[-1].page

    yield go
    for one in opened:
        one.close()
