"""Blur kernels as whole numbers: the published formulae, computed in decimals, then apportioned.

Formulae as in BasicSR's `degradations.py` (Real-ESRGAN, arXiv 2107.10833, section 3): on the grid
-(k // 2) .. k - 1 - k // 2, with q = p S^-1 p' and S = R diag(sx^2, sy^2) R', R a rotation by the angle,

    Gaussian     exp(-q / 2)                plateau   1 / (1 + q^beta)
    generalized  exp(-q^beta / 2)           sinc      c J1(c r) / (2 pi r), at the centre c^2 / (4 pi)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.motion import motion_path
from degradations.numerics.exact_arithmetic import (
    DIGITS,
    PI,
    apportion,
    bessel_j1,
    cos_sin,
    localcontext,
    power,
    round_to_sum,
    to_floats,
)

ACROSS_BITS = 16
"""A separable kernel's taps across add up to 2^16: sums of 8-bit pixels stay below 2^24."""
DOWN_BITS = 13
"""Its taps down add up to 2^13: sums of 11-bit values, eighths of a grey level, do too."""
WEIGHT_BITS = 16
"""A full kernel's weights add up to 2^16."""

_MOST_TERMS = 6
_REST = 2.0**-11  # the weights left out may not shift any pixel by more than an eighth of a grey level


@dataclass(frozen=True)
class Term:
    """One row of taps across, then one down: weight [y, x] is down[y] across[x] / 2^(16 + down_bits)."""

    across: NDArray[np.int64]
    down: NDArray[np.int64]
    down_bits: int = DOWN_BITS


@dataclass(frozen=True)
class Separable:
    """A kernel that is the sum of a few terms. The first adds up to 1, the others to 0 in both directions."""

    terms: tuple[Term, ...]

    def weights(self) -> NDArray[np.float64]:
        """The kernel as (k, k) numbers with sum 1."""
        parts = [np.outer(t.down, t.across) / 2.0 ** (ACROSS_BITS + t.down_bits) for t in self.terms]
        return np.sum(parts, axis=0)


@dataclass(frozen=True)
class Full:
    """Any kernel. Weights: int64 (k, k), sum 2^16; negative ones are allowed."""

    whole: NDArray[np.int64]

    def weights(self) -> NDArray[np.float64]:
        """The kernel as (k, k) numbers with sum 1."""
        return self.whole / float(1 << WEIGHT_BITS)


Kernel = Separable | Full


@lru_cache(maxsize=256)
def gaussian(size: int, sigma: float) -> Separable:
    """The isotropic Gaussian of `sigma` pixels, cut to `size` x `size`."""
    with localcontext(DIGITS):
        spread = 2 * Decimal(sigma) ** 2
        taps = [(-(i * i) / spread).exp() for i in _axis(size)]
    shape = to_floats(taps)[None]
    across, down = (apportion(shape, 1 << bits)[0] for bits in (ACROSS_BITS, DOWN_BITS))
    return Separable((Term(across, down),))


@lru_cache(maxsize=256)
def oriented(
    kind: str, size: int, sigma_x: float, sigma_y: float, angle: float, beta: float | None = None
) -> Kernel:
    """A "gaussian", "generalized" or "plateau" kernel with its axes turned by `angle` radians.

    Smooth kernels are sums of a few separable terms, which are faster; others are returned whole.
    """
    with localcontext(DIGITS):
        form = _quadratic_form(Decimal(sigma_x), Decimal(sigma_y), Decimal(angle))
        exponent = None if beta is None else Decimal(beta)
        known: dict[tuple[int, int], float] = {}
        for y in _axis(size):
            for x in _axis(size):
                # point symmetric: half of the values suffice
                if (-int(y), -int(x)) in known:
                    known[int(y), int(x)] = known[-int(y), -int(x)]
                    continue
                q = form[0] * x * x + form[1] * x * y + form[2] * y * y
                known[int(y), int(x)] = float(_profile(kind, q, exponent))
    values = np.array([known[int(y), int(x)] for y in _axis(size) for x in _axis(size)])
    return _separated(values.reshape(size, size) / math.fsum(values.tolist())) or _full(values, size)


@lru_cache(maxsize=256)
def sinc(size: int, cutoff: float) -> Full:
    """The circular low-pass filter with `cutoff` in radians a pixel (pi passes everything)."""
    with localcontext(DIGITS):
        c = Decimal(cutoff)
        by_radius = {0: float(c * c / (4 * PI))}
        values = []
        for y in _axis(size):
            for x in _axis(size):
                squared = int(x * x + y * y)
                if squared not in by_radius:
                    r = Decimal(squared).sqrt()
                    by_radius[squared] = float(c * bessel_j1(c * r) / (2 * PI * r))
                values.append(by_radius[squared])
    return _full(np.array(values), size)


@lru_cache(maxsize=256)
def motion(size: int, index: int, length: float) -> Full:
    """The seeded camera shake number `index`, of about `length` pixels."""
    path = motion_path(size, index, length)
    return _full(path.ravel().astype(np.float64), size)


def given(weights: list[list[float]]) -> Full:
    """The user's own square kernel, normalized to sum 1. ValueError if its sum is not positive."""
    square = np.array(weights, dtype=np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1]:
        raise ValueError("a kernel is a square table of numbers")
    if not np.isfinite(square).all() or square.sum() <= 0:
        raise ValueError("a kernel's weights are finite and their sum is positive")
    return _full(square.ravel(), len(square))


def _axis(size: int) -> list[Decimal]:
    return [Decimal(i - size // 2) for i in range(size)]


def _full(values: NDArray[np.float64], size: int) -> Full:
    return Full(apportion(values[None], 1 << WEIGHT_BITS)[0].reshape(size, size))


def _separated(kernel: NDArray[np.float64]) -> Separable | None:
    """The kernel as at most _MOST_TERMS terms, leaving out weights of _REST together; None if that fails.

    First the product of its sums by column and by row, which leaves a rest whose rows and columns add up to
    0; then the cross through the rest's largest weight, again and again (adaptive cross approximation).
    Elementwise and in a fixed order throughout: the same terms on every machine.
    """
    across = np.array([math.fsum(column) for column in kernel.T.tolist()])
    down = np.array([math.fsum(row) for row in kernel.tolist()])
    rest = kernel - down[:, None] * across
    first = apportion(across[None], 1 << ACROSS_BITS)[0], apportion(down[None], 1 << DOWN_BITS)[0]
    terms = [Term(*first)]
    while math.fsum(np.abs(rest).ravel().tolist()) > _REST:
        if len(terms) == _MOST_TERMS:
            return None
        row, column = divmod(int(np.abs(rest).argmax()), len(rest))
        across, down = rest[row], rest[:, column] / rest[row, column]
        terms.append(_correction(across, down))
        rest = rest - down[:, None] * across
    return Separable(tuple(terms))


def _correction(across: NDArray[np.float64], down: NDArray[np.float64]) -> Term:
    """A term with sums 0, in the most bits whose filter sums stay below 2^24 in float32."""
    # the taps' absolute sums stay below 2^16 and 2^13, even after rounding
    room_across, room_down = (float((1 << bits) - 2 * len(across)) for bits in (ACROSS_BITS, DOWN_BITS))
    reach = math.fsum(np.abs(across).tolist())
    height = math.fsum(np.abs(down).tolist())
    bits = min(math.frexp(room_across * room_down / (reach * height * 2.0**ACROSS_BITS))[1] - 1, 30)
    whole_across = round_to_sum(across[None] * (room_across / reach), 0)[0]
    whole_down = round_to_sum(down[None] * (reach / room_across * 2.0 ** (ACROSS_BITS + bits)), 0)[0]
    return Term(whole_across, whole_down, bits)


def _quadratic_form(sigma_x: Decimal, sigma_y: Decimal, angle: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """(a, b, c) with q = a x^2 + b x y + c y^2, from the inverse of R diag(sx^2, sy^2) R'."""
    cosine, sine = cos_sin(angle)
    p, r = 1 / sigma_x**2, 1 / sigma_y**2
    return (
        cosine**2 * p + sine**2 * r,
        2 * cosine * sine * (p - r),
        sine**2 * p + cosine**2 * r,
    )


def _profile(kind: str, q: Decimal, beta: Decimal | None) -> Decimal:
    if kind == "gaussian":
        return (-q / 2).exp()
    if beta is None:
        raise ValueError(f"a {kind} kernel needs a beta")
    if kind == "generalized":
        return (-power(q, beta) / 2).exp()
    return 1 / (1 + power(q, beta))
