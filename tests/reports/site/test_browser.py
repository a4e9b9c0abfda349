"""The board's pages in a real browser, from the file system: they sort, lead on, and fetch nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.reports import synthetic
from tests.reports.site.browsing import EVIL, FRAMES

pytestmark = pytest.mark.browser


def column(page: Any, place: int) -> list[str]:
    script = f"t => [...t.tBodies[0].rows].map(r => r.cells[{place}].dataset.sort)"
    return page.locator("#vfhq-mild table.board").first.evaluate(script)


def wait_sorted(page: Any, direction: str) -> None:
    page.wait_for_selector(f"#vfhq-mild table.board th[aria-sort={direction}]")
    page.wait_for_timeout(100)


def test_the_board_sorts_by_a_heading_and_reference_rows_stay_below(visit: Any) -> None:
    page = visit("index.html")
    head = page.locator("#vfhq-mild table.board th", has_text="PSNR").first
    head.click()
    wait_sorted(page, "descending")
    falling = [float(v) for v in column(page, 1)]
    assert falling == sorted(falling, reverse=True) and len(falling) == 4
    head.focus()
    page.keyboard.press("Enter")
    wait_sorted(page, "ascending")
    assert [float(v) for v in column(page, 1)] == falling[::-1]
    last = page.locator("#vfhq-mild table.board").first.locator("tbody").last
    assert "Oracle" in last.inner_text() and "reference" in last.get_attribute("class")


def test_the_board_filters(visit: Any) -> None:
    page = visit("index.html")
    page.get_by_placeholder("Filter methods").first.fill("lanc")
    rows = page.locator("#vfhq-mild table.board").first.locator("tbody tr:visible")
    assert rows.count() == 1 and "Lanczos" in rows.first.inner_text()


def test_marks_are_seen_and_clips_won_open(visit: Any) -> None:
    page = visit("index.html")
    line = "e => getComputedStyle(e).textDecorationLine"
    board = page.locator("#vfhq-mild table.board").first
    assert board.locator("td.second a").first.evaluate(line) == "underline"
    assert board.locator("td:not(.second):not(:first-child) a").first.evaluate(line) == "none"
    assert int(board.locator("td.best").first.evaluate("e => getComputedStyle(e).fontWeight")) >= 700
    wins = page.locator("#vfhq-mild details.wins")
    assert not wins.locator("table").first.is_visible()
    wins.locator("summary").click()
    row = wins.locator("table").first.locator("tbody tr", has_text="Lanczos")
    means = {
        m: [synthetic.frame_values(m, "vfhq-mild", c, FRAMES)["psnr"].mean() for c in synthetic.CLIPS]
        for m in ("lanczos", "nearest")
    }
    won = np.mean([a > b for a, b in zip(means["lanczos"], means["nearest"], strict=True)])
    head = wins.locator("table").first.locator("thead th")
    place = next(i for i in range(head.count()) if head.nth(i).get_attribute("title") == "Nearest")
    assert row.locator("td").nth(place).inner_text() == f"{100 * won:.0f}"


def test_clip_by_clip_follows_the_metric_and_leads_on(visit: Any) -> None:
    page = visit("index.html")
    place = page.locator("#vfhq-mild .by-clip")
    assert place.locator("tbody tr").count() == 3
    place.locator("select").first.select_option("ssim")
    own = synthetic.frame_values("bicubic", "vfhq-mild", "calm", FRAMES)["ssim"].mean()
    row = place.locator("tbody tr", has_text="calm")
    assert f"{own:.4f}" in row.inner_text()
    row.locator("td a").nth(2).click()
    page.wait_for_url("**/clips/vfhq-mild/calm.html#**metric=ssim")
    assert page.locator("#metric").input_value() == "ssim"


def test_a_cell_leads_to_its_clip(visit: Any) -> None:
    page = visit("index.html")
    row = page.locator("#vfhq-mild table.board").first.locator("tr", has_text="Nearest")
    row.locator("td").nth(1).locator("a").click()
    page.wait_for_url("**/clips/vfhq-mild/fast.html#method=nearest&metric=psnr")
    assert page.locator("h1").inner_text() == "fast"
    assert page.locator("#right").input_value() == "nearest"
    page.locator("nav.pages a", has_text="Board").click()
    page.wait_for_url("**/index.html")


def test_facts_are_behind_a_switch_and_the_rank_is_not(visit: Any) -> None:
    page = visit("index.html")
    heads = page.locator("#vfhq-mild table.board").first.locator("th:visible")
    assert "Licence" not in " ".join(heads.all_inner_texts())
    assert "Rank by PSNR" in " ".join(heads.all_inner_texts())
    page.locator("#vfhq-mild .switch input").check()
    assert "Licence" in " ".join(heads.all_inner_texts())


def test_a_dark_system_gets_dark_pages_and_figures_but_pictures_as_they_are(browser: Any, root: Path) -> None:
    page = browser.new_page(color_scheme="dark")
    page.goto((root / "index.html").as_uri())
    shade = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(page.locator("body").evaluate(shade)) < 60
    turned = "e => getComputedStyle(e).filter"
    assert "invert" in page.locator("figure.drawn img").first.evaluate(turned)
    photographs = page.locator("figure:not(.drawn) img").first
    assert photographs.evaluate(turned) == "none"
    photographs.scroll_into_view_if_needed()
    picture = photographs.element_handle()
    page.wait_for_function("e => e.currentSrc.endsWith('-dark.png')", arg=picture)
    page.emulate_media(color_scheme="light")
    page.wait_for_function("e => e.currentSrc && !e.currentSrc.endsWith('-dark.png')", arg=picture)
    page.emulate_media(color_scheme="dark")
    page.goto((root / "clips/vfhq-mild/calm.html").as_uri())
    ink = "e => getComputedStyle(e).stroke"
    dark = page.locator("#chart polyline").first.evaluate(ink)
    page.emulate_media(color_scheme="light")
    assert page.locator("#chart polyline").first.evaluate(ink) != dark
    page.close()


def test_where_to_look_first_leads_to_the_frame(visit: Any) -> None:
    page = visit("worst.html")
    groups = page.locator("details.group")
    assert groups.count() == 6 and groups.first.locator("ul.cards").first.is_visible()
    assert not groups.last.locator("ul.cards").first.is_visible()
    groups.last.locator("summary").click()
    assert groups.last.locator("ul.cards").first.is_visible()
    card = page.locator("ul.cards").nth(2).locator("a").first
    frame = card.get_attribute("href").split("frame=")[1]
    card.click()
    page.wait_for_url("**/clips/**")
    assert page.locator("#frame").input_value() == frame


def test_provenance_opens_and_filters(visit: Any, root: Path) -> None:
    page = visit("provenance.html#method=bicubic&split=vfhq-mild")
    rows = page.locator("#jobs tbody tr:visible")
    assert rows.count() == 3
    rows.first.click()
    details = page.locator("#jobs tr.details").inner_text()
    record = next(
        r
        for r in synthetic.records(root.parent)
        if (r.method, r.split, r.clip)
        == ("bicubic", "vfhq-mild", rows.first.locator("td").nth(2).inner_text())
    )
    for text in (record.gt_digest, record.lq_digest, record.restored_digest, record.key):
        assert text in details
    page.get_by_placeholder("Filter jobs").fill("nearest heavy")
    assert page.locator("#jobs tbody tr:visible").count() == 3


def test_harmful_names_are_only_names(visit: Any) -> None:
    for address in ("index.html", "clips/vfhq-mild/calm.html#method=evil", "worst.html", "provenance.html"):
        page = visit(address)
        assert EVIL in page.locator("body").inner_text(), address
        assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize(
    "address", ["index.html", "clips/vfhq-mild/fast.html", "worst.html", "provenance.html"]
)
def test_nothing_sticks_out_of_a_phone(visit: Any, address: str) -> None:
    page = visit(address, width=390, height=800)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
