"""Resizing agrees with OpenCV and MATLAB to a fraction of the grid, and is exact where that is possible."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degradations.imaging.resize import METHODS, resize, subsample, taps
from degradations.numerics.grid import STEPS, WHITE
from tests.degradations.clips import moving_clip
from tests.parity import parity

PACK = parity.load(Path(parity.__file__).parent / "degradations.json")
OPENCV = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
# OpenCV's area rule for a side that grows depends on the other side too: both grow or shrink here
SIZES = [(24, 32), (37, 51), (96, 128), (97, 129), (200, 300), (5, 7), (192, 256), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", OPENCV)
def test_as_opencv_does(method: str, size: tuple[int, int]) -> None:
    frame = moving_clip(1, 96, 128)[0]
    want = cv2.resize(frame.astype(np.float64), size[::-1], interpolation=OPENCV[method])
    # half a step of the grid, and sixteen-bit weights
    assert np.abs(resize(frame, *size, method) / STEPS - want).max() < 0.5 / STEPS + 0.008


@pytest.mark.parametrize(("method", "step"), [("area", 4), ("linear", 4), ("area", 8), ("linear", 2)])
def test_dyadic_factors_are_exact(method: str, step: int) -> None:
    frame = moving_clip(1, 64, 64)[0]
    want = cv2.resize(frame.astype(np.float64), (64 // step, 64 // step), interpolation=OPENCV[method])
    assert np.array_equal(resize(frame, 64 // step, 64 // step, method), want * STEPS)


def test_cubic_by_four_has_the_published_weights() -> None:
    plan = taps(512, 128, "cubic")
    assert plan.bits == 5 and (plan.weight == [-3, 19, 19, -3]).all()


@pytest.mark.parametrize("factor", [4, 8, 16])
def test_matlab_reduction(factor: int) -> None:
    case = PACK["bi_matlab_x4"]
    image = parity.make_array(case["input"]).transpose(1, 2, 0)
    grid = np.rint(image.astype(np.float64) * WHITE).astype(np.int16)
    got = resize(grid, 96 // factor, 128 // factor, "matlab") / WHITE
    want = PACK[f"bi_matlab_x{factor}"]["out"]
    assert list(got.shape) == want["shape"]
    assert max(abs(got.ravel()[i] - v) for i, v in want["samples"]) < 1 / WHITE


def test_matlab_enlargement() -> None:
    image = parity.make_array(PACK["bi_matlab_x4"]["input"]).transpose(1, 2, 0)
    grid = np.rint(image.astype(np.float64) * WHITE).astype(np.int16)
    got = resize(resize(grid, 24, 32, "matlab"), 96, 128, "matlab") / WHITE
    want = PACK["bi_matlab_up4"]["out"]
    assert max(abs(got.ravel()[i] - v) for i, v in want["samples"]) < 2 / WHITE


@pytest.mark.parametrize("method", METHODS)
def test_flat_frames_stay_flat_and_weights_add_up(method: str) -> None:
    for target in (1, 7, 24, 61, 90):
        plan = taps(61, target, method)
        assert (plan.weight.sum(axis=1) == 1 << plan.bits).all()
        assert plan.index.min() >= 0 and plan.index.max() < 61
    for frame in (np.full((61, 61, 3), 201, np.uint8), np.full((61, 61, 3), -77, np.int16)):
        want = 201 * STEPS if frame.dtype == np.uint8 else -77
        assert (resize(frame, 24, 90, method) == want).all()


@pytest.mark.parametrize("method", METHODS)
def test_both_kinds_of_pictures_give_the_same(method: str) -> None:
    frame = moving_clip(1, 40, 48)[0]
    fine = frame.astype(np.int16) * STEPS
    assert np.array_equal(resize(frame, 13, 17, method), resize(fine, 13, 17, method))


def test_overshoot_is_kept_for_the_next_operator() -> None:
    frame = np.zeros((32, 32, 3), np.uint8)
    frame[:, 16:] = 255
    sharp = resize(frame, 64, 64, "cubic")
    assert sharp.min() < 0 and sharp.max() > WHITE


def test_subsampling_takes_the_pixels_of_its_phase() -> None:
    frame = moving_clip(1, 32, 32)[0]
    assert np.array_equal(subsample(frame, 4, 0), frame[::4, ::4])
    assert np.array_equal(subsample(frame, 4, 2), frame[2::4, 2::4])


def test_blur_and_subsampling_give_the_published_bd_frames() -> None:
    """BasicSR's duf_downsample: Gaussian 13 x 13 of 1.6, every fourth pixel from the first."""
    from degradations.recipe import load_recipe

    frames = parity.make_array(PACK["bd_duf_x4"]["input"]).transpose(0, 2, 3, 1)
    levels = np.rint(frames * 255).astype(np.uint8)
    got = load_recipe("bd-x4").apply(levels, "bd").frames.transpose(0, 3, 1, 2) / 255
    want = PACK["bd_duf_x4"]["out"]
    assert list(got.shape) == want["shape"]
    # both ends are rounded to 8 bits here and to nothing there
    assert max(abs(got.ravel()[i] - v) for i, v in want["samples"]) < 1.1 * 0.5 * 2 / 255
