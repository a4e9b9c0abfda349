"""The home page in a real browser: sorted, filtered, by keys, on a phone; nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.leaderboard.pages.build import write_pages
from tests.reports.leaderboard.made_up import config, entries
from tests.reports.site.browsing import Visit

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made_up = config(3)
    return write_pages(made_up, entries(made_up, 12), {}, tmp_path_factory.mktemp("pages") / "out").index


@pytest.fixture
def visit(browser: Any, home: Path) -> Iterator[Any]:
    opened: list[Visit] = []

    def go(page: str = "index.html", **size: int) -> Any:
        opened.append(Visit(browser, (home.parent / page).as_uri().replace("%23", "#"), **size))
        return opened[-1].page

    yield go
    for one in opened:
        one.close()


def tops(board: Any) -> list[float]:
    """Where a board begins in the window, in each of the next frames."""
    return board.evaluate(
        """async (e) => {
          const found = [];
          for (let i = 0; i < 20; i++) {
            found.push(e.getBoundingClientRect().top);
            await new Promise(requestAnimationFrame);
          }
          return found;
        }"""
    )


def test_rows_of_all_boards_are_filtered_and_the_choice_is_in_the_address(visit: Any, home: Path) -> None:
    page = visit()
    assert page.locator("output.count").inner_text() == "39 rows"
    page.get_by_label("Division").select_option("open")
    page.get_by_label("Year").select_option("2021")
    shown = page.locator("tbody.method tr:visible")
    assert shown.count() == 6 and page.locator("output.count").inner_text() == "6 of 39 rows"
    assert page.url.endswith("#division=open&year=2021")
    page.reload()
    assert page.locator("output.count").inner_text() == "6 of 39 rows"
    page.get_by_role("button", name="Reset").click()
    page.get_by_placeholder("Filter methods").fill("keep lab-1")
    assert page.locator("tbody.method tr:visible").count() == 3
    page.get_by_placeholder("Filter methods").fill("nothing")
    assert page.locator("section.on-board:visible").count() == 0


def test_papers_are_grey_and_can_be_hidden(visit: Any) -> None:
    page = visit()
    published = page.locator("tbody.published tr").first
    colour = "e => getComputedStyle(e).color"
    measured = page.locator("tbody.method td").first.evaluate(colour)
    assert published.is_visible() and published.locator("td").first.evaluate(colour) != measured
    page.get_by_label("Figures of papers").uncheck()
    assert not published.is_visible() and not page.locator("small.papers").first.is_visible()


def test_a_board_sorts_by_keys_and_papers_stay_below(visit: Any) -> None:
    page = visit()
    table = page.locator("section.on-board table").first
    head = table.locator("th", has_text="FVD").first
    head.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_timeout(150)
    values = table.locator("tbody.method tr td:nth-child(5)").evaluate_all("t => t.map(e => +e.dataset.sort)")
    assert values in (sorted(values), sorted(values, reverse=True)) and len(set(values)) > 5
    assert table.locator("tbody").last.get_attribute("class") == "published"


def test_a_methods_page_leads_to_its_board_and_papers_stay_below(visit: Any) -> None:
    page = visit("methods/keep.html")
    table = page.locator("section.on-board table").first
    table.locator("th", has_text="PSNR").click()
    assert table.locator("tbody").last.get_attribute("class") == "published"
    assert "KEEP FVD: 158 to 399 in 3 papers" in page.locator("li.printed").first.inner_text()
    page.locator("section.on-board h2 a").nth(2).click()
    page.wait_for_url("**/index.html#board-board-2")  # and for its load: the board is scrolled to by then
    assert all(0 < top < 150 for top in tops(page.locator("#board-board-2")))


def test_nothing_moves_a_board_that_the_address_names(visit: Any, tmp_path: Path) -> None:
    many = config(8)
    index = write_pages(many, entries(many, 12), {}, tmp_path / "out").index
    page = visit(f"{index}#board-board-7", height=300)
    assert len(set(tops(page.locator("#board-board-7")))) == 1
    heights = page.locator("section.on-board").evaluate_all("all => all.map(e => e.offsetHeight)")
    assert len(set(heights[1:])) == 1, "boards of equal rows: those out of view have their true height, too"


@pytest.mark.parametrize("name", ["index.html", "methods/keep.html"])
def test_a_phone_scrolls_tables_not_the_page(visit: Any, name: str) -> None:
    page = visit(name, width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if name == "index.html":
        page.locator("tbody.method a").first.click()
        assert page.url.endswith(".html") and "/methods/" in page.url
