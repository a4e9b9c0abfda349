"""A clip's page in a real browser: it plays, wipes, and follows the frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.reports import synthetic
from tests.reports.site.browsing import FRAMES, picture, ready

pytestmark = pytest.mark.browser


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


def test_the_frame_follows_the_pointer_over_the_curves(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    box = page.locator("#chart svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    middle = int(page.locator("#frame").input_value())
    assert 4 <= middle <= 7
    page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 60)
    assert page.locator("#frame").input_value() == str(FRAMES - 1)


def test_one_curve_stands_out_and_all_or_none_are_shown(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html")
    lines = page.locator("#chart polyline")
    total = lines.count()
    page.locator("#legend label", has_text="Nearest").hover()
    assert page.locator("#chart polyline.faint").count() == total - 1
    page.mouse.move(5, 5)
    assert page.locator("#chart polyline.faint").count() == 0
    page.get_by_role("button", name="None").click()
    assert lines.count() == 0
    page.get_by_role("button", name="All").click()
    assert lines.count() == total


def test_no_clip_is_shown_against_itself(visit: Any) -> None:
    page = visit("clips/vfhq-mild/calm.html#method=nearest")
    left, right = page.locator("#left"), page.locator("#right")
    assert (left.input_value(), right.input_value()) == ("_truth", "nearest")
    left.select_option("nearest")
    assert left.input_value() == "nearest" != right.input_value()
    right.select_option("nearest")
    assert right.input_value() == "nearest" != left.input_value()
