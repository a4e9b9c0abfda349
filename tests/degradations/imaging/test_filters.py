"""Blurs are exactly the sums of whole numbers that they are said to be."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from degradations.imaging import kernels
from degradations.imaging.filters import Filter
from degradations.numerics.grid import STEPS
from tests.degradations.clips import moving_clip

PAD_MODE = {"reflect101": "reflect", "reflect": "symmetric", "replicate": "edge"}


def correlate(values: NDArray[np.int64], weights: NDArray[np.int64], border: str) -> NDArray[np.int64]:
    """The plain sums in 64-bit whole numbers, tap k // 2 on the pixel."""
    rows, columns = weights.shape
    before = (rows // 2, columns // 2)
    margins = ((before[0], rows - 1 - before[0]), (before[1], columns - 1 - before[1]), (0, 0))
    padded = np.pad(values, margins, mode=PAD_MODE[border])  # type: ignore[call-overload]
    total = np.zeros(values.shape, np.int64)
    for y in range(rows):
        for x in range(columns):
            total += weights[y, x] * padded[y : y + values.shape[0], x : x + values.shape[1]]
    return total


def rounded(values: NDArray[np.int64], divisor: int) -> NDArray[np.int64]:
    """Division with ties to even, in whole numbers."""
    quotient, rest = np.divmod(values, divisor)
    up = (2 * rest > divisor) | ((2 * rest == divisor) & (quotient % 2 == 1))
    return quotient + up


@pytest.mark.parametrize("border", ["reflect101", "reflect", "replicate"])
@pytest.mark.parametrize("kernel", [kernels.gaussian(21, 7.0), kernels.gaussian(8, 2.0)])
def test_separable_blur_of_8_bits(kernel: kernels.Separable, border: str) -> None:
    frame = moving_clip(1, 48, 56)[0]
    term = kernel.terms[0]
    rows = rounded(correlate(frame.astype(np.int64), term.across[None], border) * 8, 1 << 16)
    want = rounded(correlate(rows, term.down[:, None], border) * 8, 1 << 13)
    assert np.array_equal(Filter(kernel, border)(frame), want)


def test_separable_blur_of_the_fine_grid_rounds_once() -> None:
    frame = moving_clip(1, 40, 40)[0].astype(np.int16) * 61 - 900
    term = kernels.gaussian(13, 1.6).terms[0]
    weights = term.down[:, None] * term.across
    want = rounded(correlate(frame.astype(np.int64), weights, "reflect101"), 1 << 29)
    assert np.array_equal(Filter(kernels.gaussian(13, 1.6))(frame), want)


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.sinc(21, 1.2),
        kernels.sinc(7, 2.0),
        kernels.oriented("gaussian", 21, 0.3, 9.0, 0.7),
        kernels.motion(25, 3, 14.0),
        kernels.given([[0, 1, 0], [1, 4, 1], [0, 1, 0]]),
    ],
)
@pytest.mark.parametrize("fine", [False, True])
def test_other_kernels_are_exact_whatever_way_opencv_takes(kernel: kernels.Full, fine: bool) -> None:
    frame = moving_clip(1, 64, 72)[0]
    values = frame.astype(np.int16) * STEPS + 7 if fine else frame
    unit = 1 if fine else STEPS
    want = rounded(correlate(values.astype(np.int64), kernel.whole, "reflect101") * unit, 1 << 16)
    assert np.array_equal(Filter(kernel)(values), want)


def test_a_sum_of_terms_is_within_a_tenth_of_a_level_of_the_plain_blur() -> None:
    frame = moving_clip(1, 96, 96)[0]
    kernel = kernels.oriented("gaussian", 21, 5.0, 10.0, 0.7)
    assert isinstance(kernel, kernels.Separable) and len(kernel.terms) > 1
    plain = cv2.filter2D(frame.astype(np.float64), -1, kernel.weights())
    assert np.abs(Filter(kernel)(frame) / STEPS - plain).max() < 0.1


@pytest.mark.parametrize("level", [0, 1, 137, 255])
def test_flat_frames_stay_flat(level: int) -> None:
    frame = np.full((30, 30, 3), level, np.uint8)
    for kernel in (
        kernels.gaussian(21, 6.0),
        kernels.oriented("gaussian", 21, 6.0, 9.0, 1.0),
        kernels.sinc(13, 1.5),
        kernels.motion(25, 0, 12.0),
    ):
        assert (Filter(kernel)(frame) == level * STEPS).all()


def test_scratch_memory_does_not_leak_between_frames() -> None:
    first, second = moving_clip(2, 40, 40)
    kernel = kernels.oriented("gaussian", 21, 5.0, 10.0, 0.7)
    shared = Filter(kernel)
    kept = shared(first)
    copy = kept.copy()
    assert np.array_equal(shared(second), Filter(kernel)(second))
    assert np.array_equal(kept, copy)
    assert np.array_equal(shared(second[:20, :20]), Filter(kernel)(second[:20, :20]))


@pytest.mark.parametrize("kernel", [kernels.gaussian(21, 7.0), kernels.sinc(21, 1.2)])
def test_kernels_wider_than_the_frame(kernel: kernels.Kernel) -> None:
    frame = moving_clip(1, 7, 6)[0]
    plain = cv2.filter2D(
        np.pad(frame.astype(np.float64), ((20, 20), (20, 20), (0, 0)), mode="reflect"), -1, kernel.weights()
    )[20:-20, 20:-20]
    assert np.abs(Filter(kernel)(frame) / STEPS - plain).max() < 0.05
