"""SSIM of time slices: the same as slicing the whole clip, whatever the windows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics.ssim import moments, ssim

INFO = TruthInfo("clip", "", 24)


@pytest.mark.parametrize("size", [1, 7, 10, 24])
def test_windows_give_what_slicing_the_whole_clip_gives(size: int) -> None:
    truth = clips.moving(24)[:, :20, :37]
    restored = clips.noisy(truth, 0.7)
    values = scores(metric("ssim_vt"), restored, truth, size, INFO)
    columns = [
        ssim(restored[:, :, x, c], truth[:, :, x, c], moments(truth[:, :, x, c]))
        for x in range(37)
        for c in range(3)
    ]
    assert metric("ssim_vt").finish(values) == pytest.approx(np.mean(columns), abs=1e-12)


def test_flicker_costs_more_than_the_same_error_held_still() -> None:
    truth = np.repeat(clips.moving(1), 12, axis=0)
    noise = np.random.default_rng(5).integers(-20, 21, (12, *truth.shape[1:]))
    flicker = np.clip(truth + noise, 0, 255).astype(np.uint8)
    still = np.clip(truth + noise[:1], 0, 255).astype(np.uint8)
    by_frame = [metric("ssim").finish(scores(metric("ssim"), x, truth, 8, INFO)) for x in (flicker, still)]
    by_slice = [
        metric("ssim_vt").finish(scores(metric("ssim_vt"), x, truth, 8, INFO)) for x in (flicker, still)
    ]
    assert by_frame[0] == pytest.approx(by_frame[1], abs=0.01)
    assert by_slice[0] < by_slice[1] - 0.01


def test_a_clip_under_eleven_frames_has_no_value() -> None:
    truth = clips.moving(10)
    assert np.isnan(scores(metric("ssim_vt"), truth, truth, 4, INFO)).all()
    assert metric("ssim_vt").card.min_frames == 11


def test_a_window_without_its_context_is_an_error_not_a_wrong_number() -> None:
    frames = clips.moving(12)
    window = Window(frames, start=12, lead=3, truth=INFO)
    with pytest.raises(ValueError, match="needs 10 frames before it"):
        metric("ssim_vt").prepare(window)


def test_no_bit_depends_on_the_windows() -> None:
    truth = clips.moving(24)
    restored = clips.noisy(truth, 0.7)
    for name in ("ssim_vt", "ssim", "ssim_y"):
        want = scores(metric(name), restored, truth, 24, INFO)
        for size in (1, 5, 11):
            assert scores(metric(name), restored, truth, size, INFO).tobytes() == want.tobytes()


def test_a_strip_is_filtered_in_two_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    whole = cv2.sepFilter2D
    monkeypatch.setattr(cv2, "sepFilter2D", lambda *given: calls.append(1) or whole(*given))
    truth = clips.moving(24)[:, :, :32]
    scores(metric("ssim_vt"), truth, truth, 24, INFO)
    strips, planes = 32 // 8, 2 + 3  # the ground truth's y, y*y; x, x*x and x*y
    assert len(calls) == 2 * strips * planes
