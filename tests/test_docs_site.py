"""The site of docs/: its navigation names every page, and no link goes nowhere (`make docs` builds it)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

import vfsrbench as vb

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def made() -> Any:
    """docs/site_pages.py, which is in no package."""
    spec = spec_from_file_location("site_pages", DOCS / "site_pages.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def linked(page: Path) -> Iterator[str]:
    """The files that a page links to, without its code."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if "://" not in link and not link.startswith(("#", "mailto:")):
            yield link.partition("#")[0]


def test_the_navigation_names_every_page_and_no_other(made: Any) -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    named = re.findall(r": (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted([*(page.name for page in DOCS.glob("*.md")), made.TOUR, made.API])


def test_the_index_links_to_every_page(made: Any) -> None:
    index = set(linked(DOCS / "README.md"))
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= index and made.NOTEBOOK in index


def test_no_link_of_a_page_goes_nowhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
    links = [(page, link) for page in pages for link in linked(page)]
    assert len(links) > 60
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_the_api_page_has_every_public_name_and_the_tour_every_cell(made: Any) -> None:
    named = {line.rpartition(".")[2] for line in made.api().splitlines() if line.startswith("::: ")}
    assert named == set(vb.__all__) - {"__version__"}
    notebook = (DOCS / made.NOTEBOOK).read_text(encoding="utf-8")
    page = made.tour(notebook)
    for cell in json.loads(notebook)["cells"]:
        assert "".join(cell["source"]).strip() in page
    said = made.on_page_markdown("[a](tour.ipynb), [speed](../benchmarks/x.md), [b](run.md#c)")
    assert said == "[a](tour.md), speed (`benchmarks/x.md`), [b](run.md#c)"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mkdocstrings") is None, reason="needs `pip install 'vfsrbench[docs]'`")
def test_the_site_is_built_strictly(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    assert all(f"vfsrbench.{name}" in api or f".{name}" in api for name in vb.__all__ if name[0] != "_")
