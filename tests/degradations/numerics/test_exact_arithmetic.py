"""Decimal functions agree with the usual ones, and whole numbers add up."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from scipy.special import j1

from degradations.numerics.exact_arithmetic import (
    DIGITS,
    apportion,
    bessel_j1,
    cos_sin,
    localcontext,
    power,
    round_to_sum,
)


@pytest.mark.parametrize("angle", [-math.pi, -2.0, -1e-9, 0.0, 0.5, 1.0, 3.14159, 11.0])
def test_cosine_and_sine(angle: float) -> None:
    with localcontext(DIGITS):
        cosine, sine = cos_sin(Decimal(angle))
    assert float(cosine) == pytest.approx(math.cos(angle), abs=1e-15)
    assert float(sine) == pytest.approx(math.sin(angle), abs=1e-15)


@pytest.mark.parametrize("x", [0.0, 1e-6, 0.7, 3.8317, 12.0, 44.4, 60.0])
def test_bessel(x: float) -> None:
    with localcontext(DIGITS):
        assert float(bessel_j1(Decimal(x))) == pytest.approx(float(j1(x)), abs=1e-14)


def test_power_of_nothing_and_of_something() -> None:
    with localcontext(DIGITS):
        assert power(Decimal(0), Decimal("0.7")) == 0
        assert float(power(Decimal("2.5"), Decimal("0.7"))) == pytest.approx(2.5**0.7, abs=1e-15)


def test_apportioned_rows_add_up_and_stay_within_one_of_their_shares() -> None:
    weights = np.random.default_rng(0).random((50, 21)) ** 3
    whole = apportion(weights, 4096)
    assert (whole.sum(axis=1) == 4096).all()
    shares = weights * 4096 / weights.sum(axis=1, keepdims=True)
    assert np.abs(whole - shares).max() < 1


def test_signed_rows_round_to_nothing() -> None:
    rows = np.random.default_rng(1).normal(0, 100, (20, 9))
    rows -= rows.mean(axis=1, keepdims=True)
    whole = round_to_sum(rows, 0)
    assert (whole.sum(axis=1) == 0).all()
    assert np.abs(whole - rows).max() < 1
