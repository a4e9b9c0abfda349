"""Two metrics against each other on the board's page, in a real browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.reports import synthetic
from tests.reports.site.browsing import FRAMES

pytestmark = pytest.mark.browser
RIVALS = {"bicubic", "nearest", "lanczos", "evil"}


def scatter(page: Any) -> Any:
    place = page.locator("#vfhq-mild .scatter")
    place.scroll_into_view_if_needed()
    return place


def spot(page: Any, method: str, clip: str) -> tuple[float, float]:
    """Where a point is, in the window."""
    box = scatter(page).locator(f"path[data-method={method}][data-clip={clip}]").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def mean(method: str, clip: str, metric: str) -> float:
    return float(np.nanmean(synthetic.frame_values(method, "vfhq-mild", clip, FRAMES)[metric]))


def test_there_is_a_point_a_clip_and_method_for_any_two_metrics_and_methods_that_are_switched_on(
    visit: Any,
) -> None:
    page = visit("index.html")
    place = scatter(page)
    found = place.locator("path[data-method]")
    names = set(found.evaluate_all("e => e.map(p => p.dataset.method)"))
    assert names == RIVALS and found.count() == 4 * 3, "the oracle's lie far away"
    assert place.locator(".beyond").inner_text().startswith("Oracle")
    for clips in (("calm", "fast"), ("calm", "talking")):
        (x1, y1), (x2, y2) = (spot(page, "bicubic", clip) for clip in clips)
        psnr, ssim = ([mean("bicubic", clip, m) for clip in clips] for m in ("psnr", "ssim"))
        assert (x1 > x2) == (psnr[0] > psnr[1]) and (y1 < y2) == (ssim[0] > ssim[1])

    # others are chosen, the legend switches and isolates
    across, up = (scatter(page).locator("select").nth(i) for i in (0, 1))
    before = spot(page, "bicubic", "calm")
    across.select_option("ewarp_dis")
    up.select_option("psnr")
    assert spot(page, "bicubic", "calm") != before
    assert scatter(page).locator("text.axis").all_text_contents() == ["Warping error (DIS) ↓", "PSNR ↑"]
    page.mouse.move(*spot(page, "bicubic", "calm"))
    assert f"PSNR ↑ {mean('bicubic', 'calm', 'psnr'):.3f}" in scatter(page).locator(".says").inner_text()
    label = place.locator(".legend label", has_text="Bicubic")
    label.hover()
    faint = "e => e.filter(p => p.classList.contains('faint')).map(p => p.dataset.method)"
    points = place.locator("path[data-method]")
    assert set(points.evaluate_all(faint)) == RIVALS - {"bicubic"}
    label.locator("input").uncheck()
    assert place.locator("path[data-method=bicubic]").count() == 0
    place.get_by_role("button", name="None").click()
    assert points.count() == 0
    place.get_by_role("button", name="All").click()
    assert points.count() == 12


def test_hovering_names_a_point_and_a_click_leads_to_its_clip(visit: Any) -> None:
    page = visit("index.html")
    says = scatter(page).locator(".says")
    assert "arrow keys" in says.inner_text()
    page.mouse.move(*spot(page, "nearest", "fast"))
    psnr, ssim = (mean("nearest", "fast", m) for m in ("psnr", "ssim"))
    assert says.inner_text() == f"Nearest, fast: PSNR ↑ {psnr:.3f}, SSIM ↑ {ssim:.4f}"
    page.mouse.click(*spot(page, "nearest", "fast"))
    page.wait_for_url("**/clips/vfhq-mild/fast.html#method=nearest&metric=ssim")


def test_keys_go_from_point_to_point_and_enter_leads_on(visit: Any) -> None:
    page = visit("index.html")
    place = scatter(page)
    place.locator(".scatter-field svg").focus()
    order = sorted((mean(m, c, "psnr"), m, c) for m in RIVALS for c in synthetic.CLIPS)
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End"):
        page.keyboard.press(key)
        said.append(place.locator(".says b").inner_text().lower())
    wanted = [order[i] for i in (0, 1, 0, -1)]
    for text, (_, method, clip) in zip(said, wanted, strict=True):
        assert text.endswith(f", {clip}") and (method == "evil" or text.startswith(method))
    page.keyboard.press("Escape")
    assert place.locator("b").count() == 0
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clips/vfhq-mild/{order[0][2]}.html#method={order[0][1]}&metric=ssim")


def test_own_methods_stand_out_on_the_page(visit: Any) -> None:
    page = visit("index.html")
    shapes = scatter(page).locator("path[data-method]")
    last = shapes.evaluate_all("e => e.slice(-3).map(p => p.dataset.method)")
    assert last == ["evil"] * 3, "on top"
    opacity = "e => Number(getComputedStyle(e).opacity)"
    assert scatter(page).locator("path[data-method=bicubic]").first.evaluate(opacity) < 1
    assert scatter(page).locator("path[data-method=evil]").first.evaluate(opacity) == 1
    assert page.locator("#vfhq-mild tr.highlight").count() == 1
    fill = "e => getComputedStyle(e).fill"
    light = scatter(page).locator("path[data-method=bicubic]").first.evaluate(fill)
    page.emulate_media(color_scheme="dark")
    assert scatter(page).locator("path[data-method=bicubic]").first.evaluate(fill) != light
    small = "e => parseFloat(getComputedStyle(e).fontSize)"
    assert page.locator("h1 .badge").first.evaluate(small) < 14, "a badge is smaller than its heading"
    page = visit("clips/vfhq-mild/calm.html")
    thick = page.locator("#chart polyline.strong")
    assert thick.count() == 1 and float(thick.get_attribute("stroke-width")) > 3
    assert page.locator("#chart polyline.muted").count() == 3
