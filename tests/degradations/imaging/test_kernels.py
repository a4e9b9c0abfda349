"""Kernels agree with the official functions' figures, and are whole numbers that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.imaging import kernels
from degradations.operators.blur import make_kernel
from tests.parity import parity

PACK = parity.load(Path(parity.__file__).parent / "degradations.json")
# weights are multiples of 2^-16, or products of two taps that are multiples of 2^-16 and 2^-13
TOLERANCE = {"abs": 1.0 / (1 << 16), "rel": 1e-3}


def official(case: dict[str, Any]) -> kernels.Kernel:
    name, a = case["fn"], case["args"]
    if name == "circular_lowpass_kernel":
        return kernels.sinc(a[1], a[0])
    if name == "bivariate_Gaussian":
        return kernels.gaussian(a[0], a[1]) if a[4] else kernels.oriented("gaussian", *a[:4])
    return kernels.oriented("plateau" if "plateau" in name else "generalized", *a[:5])


@pytest.mark.parametrize("case", PACK["kernels"], ids=lambda case: f"{case['fn']}{case['args']}")
def test_official_kernels(case: dict[str, Any]) -> None:
    kernel = official(case).weights()
    if len(case["args"]) == 3:  # the sinc kernel that the official function pads
        kernel = np.pad(kernel, (case["args"][2] - len(kernel)) // 2)
    want = case["record"]
    assert list(kernel.shape) == want["shape"]
    assert kernel.max() == pytest.approx(case["centre"], **TOLERANCE)
    for index, value in want["samples"]:
        assert kernel.ravel()[index] == pytest.approx(value, **TOLERANCE)


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.gaussian(21, 7.0),
        kernels.gaussian(8, 2.0),
        kernels.oriented("gaussian", 21, 5.0, 10.0, 0.7),
        kernels.oriented("gaussian", 21, 0.3, 9.0, 0.7),
        kernels.oriented("generalized", 15, 1.5, 1.0, -2.0, 0.6),
        kernels.sinc(21, 1.2),
        kernels.motion(25, 17, 14.0),
        kernels.given([[0, 1, 0], [1, 4, 1], [0, 1, 0]]),
    ],
)
def test_weights_add_up_to_exactly_one(kernel: kernels.Kernel) -> None:
    assert kernel.weights().sum() == 1.0


def test_smooth_kernels_separate_and_their_sums_fit_float32() -> None:
    numbers = np.random.default_rng(0)
    for _ in range(20):
        sigma_x, sigma_y, angle = numbers.uniform((5, 5, -np.pi), (10, 10, np.pi))
        kernel = kernels.oriented("gaussian", 21, sigma_x, sigma_y, angle)
        assert isinstance(kernel, kernels.Separable)
        first, *others = kernel.terms
        assert first.across.sum() == 1 << 16 and first.down.sum() == 1 << 13
        for term in others:
            assert term.across.sum() == term.down.sum() == 0
        for term in kernel.terms:
            # 255 levels, then 255 levels in eighths, times the taps
            assert 255 * np.abs(term.across).sum() < 2**24
            assert 255 * 8 * np.abs(term.down).sum() < 2**24


def test_sharp_tilted_kernels_stay_whole() -> None:
    kernel = kernels.oriented("gaussian", 21, 0.3, 9.0, 0.7)
    assert isinstance(kernel, kernels.Full)
    assert kernel.whole.sum() == 1 << 16


def test_even_kernels_lie_on_minus_half_to_half_less_one() -> None:
    # FLAIR's 8 x 8 kernel: taps -4..3
    taps = kernels.gaussian(8, 2.0).terms[0].across
    want = np.exp(-(np.arange(-4, 4) ** 2) / 8)
    np.testing.assert_allclose(taps / 2**16, want / want.sum(), atol=1 / 2**16)


def test_motion_kernels_differ_and_are_centred() -> None:
    bank = [kernels.motion(25, index, 16.0).weights() for index in range(20)]
    assert len({kernel.tobytes() for kernel in bank}) == 20
    rows, columns = np.mgrid[:25, :25]
    for kernel in bank:
        assert kernel.min() >= 0
        assert abs((kernel * rows).sum() - 12) < 0.1
        assert abs((kernel * columns).sum() - 12) < 0.1
        assert 10 < np.count_nonzero(kernel) < 250


def test_longer_motions_spread_further() -> None:
    def spread(length: float) -> float:
        rows, columns = np.mgrid[-12:13, -12:13]
        bank = [kernels.motion(25, index, length).weights() for index in range(30)]
        return float(np.mean([(k * (rows**2 + columns**2)).sum() for k in bank]))

    assert spread(8.0) < spread(14.0) < spread(20.0)


@pytest.mark.parametrize("weights", [[[1, 2]], [[1, -1], [1, -1]], [[float("nan")]]])
def test_given_kernels_are_checked(weights: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="kernel"):
        kernels.given(weights)


def test_a_record_is_enough_to_make_the_kernel_again() -> None:
    values = {"sigma": 2.0, "sigma_y": 3.0, "angle": 0.4, "beta": 1.5}
    again = make_kernel("plateau-anisotropic", 21, values)
    assert np.array_equal(again.weights(), kernels.oriented("plateau", 21, 2.0, 3.0, 0.4, 1.5).weights())
