"""PSNR: equal frames, caps, and the error of a whole clip."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.metric import TruthInfo
from vfsrbench.metrics.pixels import luma

INFO = TruthInfo("clip", "", 3)


def test_an_equal_frame_is_inf_in_the_row_and_the_cap_in_the_mean() -> None:
    truth = clips.moving(3)
    restored = truth.copy()
    restored[1] = clips.noisy(truth[1:2], 1.0)[0]
    values = scores(metric("psnr"), restored, truth, 8, INFO)
    assert np.isposinf(values[[0, 2]]).all()
    assert metric("psnr").finish(values) == pytest.approx((200 + values[1]) / 3)


def test_one_wrong_value_is_not_worth_more_than_an_equal_frame() -> None:
    truth = clips.moving(1, size=512)
    restored = truth.copy()
    restored[0, 0, 0, 0] ^= 1
    values = scores(metric("psnr"), restored, truth, 8, INFO)
    assert values[0] == pytest.approx(20 * np.log10(255 * np.sqrt(truth.size)))
    assert values[0] > 100
    assert metric("psnr").finish(values) == 100


def test_a_frame_without_a_value_is_left_out_of_the_mean() -> None:
    assert metric("psnr").finish(np.array([30.0, np.nan, 34.0])) == 32
    assert metric("psnr_clip").finish(np.array([30.0, np.nan, 30.0])) == pytest.approx(30)
    assert np.isnan(metric("psnr_clip").finish(np.array([np.nan])))


def test_the_clip_value_comes_from_one_error_and_is_below_the_mean_of_frames() -> None:
    truth = clips.moving(3)
    restored = np.concatenate([clips.noisy(truth[:2], 0.1), clips.noisy(truth[2:], 1.0)])
    values = scores(metric("psnr_clip"), restored, truth, 2, INFO)
    error = np.mean((restored.astype(float) - truth) ** 2)
    assert metric("psnr_clip").finish(values) == pytest.approx(10 * np.log10(255**2 / error), abs=1e-12)
    assert metric("psnr_clip").finish(values) < values.mean() - 3


def test_luma_runs_from_16_to_235() -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert luma(ends) == pytest.approx(np.array([[16.0, 235.0]]), abs=1e-5)
