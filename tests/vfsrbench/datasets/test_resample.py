"""The integer sampler is Keys' bicubic interpolation, to the rounding of its fixed point."""

from __future__ import annotations

import numpy as np

from vfsrbench.datasets.demo.resample import positions, sample

RNG = np.random.default_rng(3)
PLANES = RNG.integers(0, 4081, (2, 24, 31)).astype(np.int32)


def keys(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def reference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """All pixels of the plane, repeated outside, weighted by the kernel's definition."""
    padded = np.pad(PLANES / 16, ((0, 0), (9, 9), (9, 9)), mode="edge")
    across = keys(x[:, None] - (np.arange(padded.shape[2]) - 9))
    down = keys(y[:, None] - (np.arange(padded.shape[1]) - 9))
    return np.einsum("nr,crk,nk->cn", down, padded, across)


def test_matches_the_kernel_written_out() -> None:
    x, y = RNG.uniform(-5, 36, 4000), RNG.uniform(-5, 28, 4000)
    x, y = np.round(x * 1024) / 1024, np.round(y * 1024) / 1024
    got = sample(PLANES, positions(x), positions(y)) / 64
    assert np.abs(got - reference(x, y)).max() < 0.25


def test_whole_positions_give_the_pixels_and_constants_stay() -> None:
    y, x = np.mgrid[0:24, 0:31].astype(np.float64)
    np.testing.assert_array_equal(sample(PLANES, positions(x), positions(y)), PLANES * 4)
    flat = np.full((1, 5, 5), 4080, np.int32)
    odd = positions(RNG.uniform(-3, 8, (2, 500)))
    assert (sample(flat, odd[0], odd[1]) == 4080 * 4).all()


def test_positions_round_half_up() -> None:
    assert positions(np.array([0.0, 1 / 2048, -1 / 2048, 1.5])).tolist() == [0, 1, 0, 1536]
