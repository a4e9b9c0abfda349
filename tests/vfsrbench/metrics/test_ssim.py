"""SSIM of a frame: bands of a large picture against the definition, written out with scipy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from vfsrbench.metrics.ssim import C1, C2, Room, moments, ssim


def pictures(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Smooth colours, and the same with noise that grows downwards: no two bands are alike."""
    draw = np.random.default_rng(5)
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(rows / 9 + c) + np.cos(columns / 7 - c) for c in range(3)], axis=-1)
    truth = (128 + 50 * waves).astype(np.uint8)
    noise = draw.normal(0, 1, truth.shape) * (rows / height * 40)[..., None]
    return np.clip(truth + noise, 0, 255).astype(np.uint8), truth


def by_definition(picture: NDArray[Any], gt: NDArray[Any]) -> float:
    """Wang et al. 2004, equation 13: mean over channels and the places where the window fits."""
    at = np.arange(-5, 6)
    taps = np.exp(-(at**2) / 4.5) / np.exp(-(at**2) / 4.5).sum()

    def windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return correlate1d(correlate1d(values, taps, axis=0), taps, axis=1)[5:-5, 5:-5]

    x, y = picture.astype(np.float64), gt.astype(np.float64)
    mx, my = windowed(x), windowed(y)
    vx, vy, cov = windowed(x * x) - mx**2, windowed(y * y) - my**2, windowed(x * y) - mx * my
    return float((((2 * mx * my + C1) * (2 * cov + C2)) / ((mx**2 + my**2 + C1) * (vx + vy + C2))).mean())


# one band; bands of the least height; one row more than such a band; higher bands; as few as there may be
@pytest.mark.parametrize(("height", "width"), [(60, 40), (300, 1100), (139, 1030), (1500, 150), (11, 11)])
def test_bands_of_a_picture_give_what_the_whole_gives(height: int, width: int) -> None:
    picture, truth = pictures(height, width)
    want = by_definition(picture, truth)
    assert want < 0.9
    assert ssim(picture, truth, moments(truth)) == pytest.approx(want, abs=1e-12)


def test_memory_that_is_used_again_leaves_no_trace() -> None:
    room = Room()
    for height, width in ((60, 40), (300, 1100), (139, 1030)):
        picture, truth = pictures(height, width)
        for given in ((picture, truth), (picture.astype(np.float64), truth.astype(np.float64))):
            known = moments(given[1])
            assert ssim(*given, known, room) == ssim(*given, known)


def test_threads_do_not_write_into_each_other_s_memory() -> None:
    room = Room()
    here = room.array("mean", (4, 4))
    again = room.array("mean", (4, 4))
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(room.array, "mean", (4, 4)).result()
    assert np.shares_memory(here, again) and not np.shares_memory(here, there)


@pytest.mark.parametrize("level", [None, 0, 3, 128, 200, 255])
def test_equal_pictures_have_exactly_one(level: int | None) -> None:
    truth = pictures(300, 260)[1] if level is None else np.full((40, 50, 3), level, np.uint8)
    assert ssim(truth, truth, moments(truth)) == 1.0
    planes = truth[..., 0].astype(np.float64)
    assert ssim(planes, planes, moments(planes)) == 1.0
