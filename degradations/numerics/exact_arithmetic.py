"""Functions whose last bit differs between processors in floating point, in decimal arithmetic instead.

Python's `decimal` is specified to the last digit (IBM General Decimal Arithmetic), so these are the same on
every machine. Fifty digits leave room for the cancellation in the Bessel series at the largest radius used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Context, Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

DIGITS = Context(prec=50)
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_ENOUGH = Decimal("1e-45")


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base^exponent for base >= 0, through the exactly rounded ln and exp."""
    return (exponent * base.ln()).exp() if base else Decimal(0)


def cos_sin(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Cosine and sine of an angle in radians (Taylor series after reduction to one turn)."""
    reduced = angle % (2 * PI)
    cosine, sine, term, order = Decimal(0), Decimal(0), Decimal(1), 0
    while abs(term) > _ENOUGH or order < abs(reduced):
        if order % 2 == 0:
            cosine += term if order % 4 == 0 else -term
        else:
            sine += term if order % 4 == 1 else -term
        order += 1
        term = term * reduced / order
    return cosine, sine


def bessel_j1(x: Decimal) -> Decimal:
    """The Bessel function J1 by its power series; good for |x| up to about 60."""
    half_squared = x * x / 4
    term = x / 2
    total, order = Decimal(0), 0
    while abs(term) > _ENOUGH or order * (order + 1) < half_squared:
        total += term
        order += 1
        term = -term * half_squared / (order * (order + 1))
    return total


def apportion(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers in the proportion of `weights` (rows of a 2-D array), each row adding up to `total`."""
    sums = np.array([math.fsum(row) for row in weights.tolist()])
    return round_to_sum(weights * total / sums[:, None], total)


def round_to_sum(shares: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Rows of a 2-D array, which add up to nearly `total`, as whole numbers that do exactly.

    Largest remainders get the missing units (ties: the first), so each is within one of its share.
    """
    floors = np.floor(shares)
    missing = total - floors.astype(np.int64).sum(axis=1)
    rank = np.argsort(np.argsort(floors - shares, axis=1, kind="stable"), axis=1, kind="stable")
    return floors.astype(np.int64) + (rank < missing[:, None])


def to_floats(values: Sequence[Decimal]) -> NDArray[np.float64]:
    """The nearest doubles."""
    return np.array([float(value) for value in values])


__all__ = [
    "DIGITS",
    "PI",
    "apportion",
    "bessel_j1",
    "cos_sin",
    "localcontext",
    "power",
    "round_to_sum",
    "to_floats",
]
