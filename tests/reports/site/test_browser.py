"""The site in a real browser, from the file system: it sorts, leads, plays, wipes, and fetches nothing.

Needs Playwright and a Chromium of the system; without them these tests are skipped, unless the environment
variable VFSRBENCH_BROWSER says that they must run.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reports import build_report
from tests.reports import synthetic

pytestmark = pytest.mark.browser
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start() as playwright:
        made = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
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


def picture(locator: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


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
    assert board.locator("td:not(.second) a").nth(1).evaluate(line) == "none"
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
    place.locator("select").select_option("ssim")
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


def ready(page: Any) -> None:
    """Both videos of the wipe can show a frame."""
    loaded = "() => [...document.querySelectorAll('#wipe video')].every(v => v.readyState >= 2 && !v.seeking)"
    page.wait_for_function(loaded, timeout=15_000)
    page.wait_for_timeout(250)


def test_the_slider_changes_the_frame_and_every_marker(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    ready(page)
    before = picture(page.locator("#wipe .under video"))
    page.locator("#frame").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#chart .marker').dataset.frame === '9'")
    ready(page)
    times = page.evaluate("[...document.querySelectorAll('video')].map(v => v.currentTime)")
    assert times and all(abs(t - 9.5 / 25) < 1e-3 for t in times)
    after = picture(page.locator("#wipe .under video"))
    scale = after.shape[1] / 64
    left = slice(
        int(27 * scale), int(30 * scale)
    )  # the left part shows the ground truth; its square has moved
    top, bottom = int(22 * scale), int(45 * scale)
    assert np.abs(before[top, left] - (210, 150, 120)).mean() < 14
    assert np.abs(after[top, left] - (90, 90, 90)).mean() < 14
    assert np.abs(after[bottom, left] - (210, 150, 120)).mean() < 14
    left_of = page.locator("#slices .strip i").first.evaluate("e => parseFloat(e.style.left)")
    assert left_of == pytest.approx(9.5 / FRAMES * 100, abs=1e-3)
    value = synthetic.frame_values("bicubic", "vfhq-mild", "calm", FRAMES)["psnr"][9]
    assert f"{value:.2f}" in page.locator("#wall figure", has_text="Bicubic").inner_text()


def test_the_chart_and_the_slices_choose_the_frame(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    page.locator("#chart svg").scroll_into_view_if_needed()
    box = page.locator("#chart svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 14, box["y"] + 60)
    assert page.locator("#frame").input_value() == str(FRAMES - 1)
    strip = page.locator("#slices .strip").first
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 4.5 / FRAMES, box["y"] + 20)
    assert page.locator("#frame").input_value() == "4"
    page.locator("#metric").select_option("ewarp_dis")
    lines = page.locator("#chart polyline").count()
    page.locator("#legend input").first.uncheck()
    assert page.locator("#chart polyline").count() == lines - 1


def test_the_legend_says_what_lies_beyond_the_scale(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    far = page.locator("#legend .beyond")
    assert far.count() == 1 and far.inner_text() == "Oracle", "its PSNR is infinite"
    page.locator("#metric").select_option("ssim")
    for label in page.locator("#chart .tick").all_text_contents():
        assert len(label) <= 5, "ticks have no more digits than they need"


def test_the_wipe_moves_by_mouse_and_keys(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html#method=nearest")
    page.locator("#left").select_option("_truth")
    ready(page)
    place = page.locator("#wipe")
    box = place.bounding_box()
    at = lambda part: (box["x"] + box["width"] * part, box["y"] + box["height"] * 0.8)  # noqa: E731
    page.mouse.move(*at(0.5))
    page.mouse.down()
    page.mouse.move(*at(0.9), steps=4)
    page.mouse.up()
    wide = picture(place)
    page.mouse.move(*at(0.9))
    page.mouse.down()
    page.mouse.move(*at(0.1), steps=4)
    page.mouse.up()
    narrow = picture(place)
    assert place.evaluate("e => e.style.getPropertyValue('--at')").startswith(("10", "9.9"))
    spot = (
        slice(int(0.85 * len(wide)), int(0.95 * len(wide))),
        slice(int(0.3 * len(wide)), int(0.7 * len(wide))),
    )
    assert np.abs(wide[spot].mean(axis=(0, 1)) - 90).max() < 6, "the left one: the ground truth's grey"
    assert narrow[spot].mean() < 86 and narrow[spot].std() > wide[spot].std(), "the right one: darker, noisy"
    handle = page.locator("#wipe .handle")
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert handle.get_attribute("aria-valuenow") == "15"
    page.locator("#swap").click()
    assert (page.locator("#left").input_value(), page.locator("#right").input_value()) == (
        "nearest",
        "_truth",
    )


def test_players_run_in_step(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    ready(page)
    page.locator("#speed").select_option("0.25")
    page.locator("#play").click()
    page.wait_for_function("() => Number(document.querySelector('#frame').value) >= 3")
    times = page.evaluate(
        "[...document.querySelectorAll('video')].filter(v => v.readyState > 1).map(v => v.currentTime)"
    )
    assert len(times) >= 4 and max(times) - min(times) < 3 / 25
    page.locator("#play").click()
    ready(page)
    frame = int(page.locator("#frame").input_value())
    stopped = page.evaluate("[...document.querySelectorAll('video')].map(v => [v.paused, v.currentTime])")
    assert all(paused and abs(time - (frame + 0.5) / 25) < 1e-3 for paused, time in stopped)


def test_videos_are_fetched_as_they_come_into_view(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html", width=390, height=420)
    ready(page)
    count = "document.querySelectorAll('#wall video[data-loaded]').length"
    first, total = page.evaluate(count), page.locator("#wall video").count()
    assert first < total
    page.locator("#wall figure").last.scroll_into_view_if_needed()
    page.wait_for_function(f"() => {count} > {first}")


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
