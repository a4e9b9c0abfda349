"""The blocks of docs/python.md and of the README's section, run as a reader would run them, in order."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import vfsrbench as vb

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_page(text: str) -> tuple[dict[str, Any], str]:
    """Names that the blocks of a page leave, and what they print."""
    names: dict[str, Any] = {"__name__": "page"}
    printed = io.StringIO()
    blocks = BLOCK.findall(text)
    assert blocks
    with contextlib.redirect_stdout(printed):
        for number, block in enumerate(blocks):
            exec(compile(block, f"block {number}", "exec"), names)
    return names, printed.getvalue()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_runs_and_leaves_what_it_says(here: Path) -> None:
    names, printed = run_page((ROOT / "docs" / "python.md").read_text(encoding="utf-8"))
    assert set(names["frames"]["method"]) == {"nearest", "bicubic"}
    assert names["report"].index.resolve() == here / "work" / "report" / "demo" / "index.html"
    assert len(vb.Clip.open("restored")) == 4
    assert "brightness" in printed
    assert names["table"].attrs["clips"]["demo-calm"]["psnr"] > 20
    kept, _ = vb.load_results("work")
    assert set(kept["method"]) == {"nearest", "bicubic", "smooth"}


def test_the_page_shows_every_public_name() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    missing = [n for n in vb.__all__ if n != "__version__" and f"vb.{n}" not in page]
    assert missing == []


def test_the_readme_s_lines_run() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    names, _ = run_page(page.split("## From Python\n")[1].split("\n## ")[0])
    assert list(names["table"]) == ["frame", "name", "psnr", "ssim"]
