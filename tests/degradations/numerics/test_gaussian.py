"""Table noise is normal to its tails, and the tables are the same on every machine."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from degradations.numerics.gaussian import UNIT, add_gaussian, normals, quantiles
from degradations.numerics.grid import STEPS
from degradations.numerics.streams import Stream


def test_no_quantile_lies_so_near_a_tie_that_a_math_library_could_turn_it() -> None:
    quantile = NormalDist().inv_cdf
    for count, denominator in ((1 << 15, 1 << 16), (1 << 16, 1 << 26)):
        exact = np.array([quantile((j + 0.5) / denominator) for j in range(count)]) * UNIT
        to_tie = np.abs(exact - np.floor(exact) - 0.5)
        assert to_tie.min() / UNIT > 1e-9


def test_tables_join_and_are_symmetric() -> None:
    body, tail = quantiles()
    assert np.array_equal(body, -body[::-1])
    assert (np.diff(body.astype(int)) >= 0).all() and (np.diff(tail.astype(int)) >= 0).all()
    # the tail splits the outermost 64 bins: it ends where the body's 65th begins
    assert abs(int(tail[-1]) - int(body[63])) < 40
    assert tail[0] / UNIT == pytest.approx(-5.66, abs=0.01)


def test_the_distribution_is_normal_to_its_tails() -> None:
    z = normals(Stream("normal"), 1 << 22, UNIT) / UNIT
    assert abs(z.mean()) < 4 / 2**11
    assert z.var() == pytest.approx(1, abs=4 * 2**0.5 / 2**11)
    assert abs(stats.skew(z)) < 0.005 and abs(stats.kurtosis(z)) < 0.01
    for limit in (1.0, 2.0, 3.0, 4.0, 4.5):
        expected = 2 * stats.norm.sf(limit) * z.size
        assert abs((np.abs(z) > limit).sum() - expected) < 4.5 * expected**0.5 + 1
    assert np.abs(z).max() > 4.9


def test_scaled_values_are_the_rounded_quantiles() -> None:
    z = normals(Stream("scale"), 10_000, UNIT)
    scaled = normals(Stream("scale"), 10_000, 3.7 * STEPS)
    assert np.array_equal(scaled, np.rint(z * (3.7 * STEPS / UNIT)))


@pytest.mark.parametrize("sigma", [0.0, 5.0, 30.0, 80.0])
def test_noise_has_the_strength_it_should(sigma: float) -> None:
    frame = np.full((128, 128, 3), 128, np.uint8)
    noise = (add_gaussian(frame, sigma, False, Stream("n", 1)) - 128 * STEPS) / STEPS
    assert noise.std() == pytest.approx(sigma, rel=0.02, abs=0.01)
    channels = noise.reshape(-1, 3)
    if sigma:
        assert np.abs(np.corrcoef(channels.T) - np.eye(3)).max() < 0.05


def test_grey_noise_is_the_same_in_all_channels() -> None:
    frame = np.full((32, 40, 3), (10, 100, 200), np.uint8)
    noise = add_gaussian(frame, 8.0, True, Stream("g", 1)) - frame.astype(np.int16) * STEPS
    assert (noise == noise[:, :, :1]).all()
    assert noise[:, :, 0].std() / STEPS == pytest.approx(8, rel=0.1)


def test_noise_leaves_the_frame_it_is_given_alone() -> None:
    frame = np.full((16, 16, 3), 100 * STEPS, np.int16)
    add_gaussian(frame, 20.0, False, Stream("x"))
    assert (frame == 100 * STEPS).all()
