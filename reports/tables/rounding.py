"""Figures as they are printed: halves go away from zero, and no zero has a sign.

A figure counts with twelve significant digits; what lies beyond is noise of the arithmetic. So a mean of
30.12 and 30.13 prints as 30.13 however it was added up, and `Page.number` of the site's scripts prints the
same.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

SIGNIFICANT = 12
_TWELVE = Context(prec=SIGNIFICANT, rounding=ROUND_HALF_UP)
_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)


def as_printed(value: float, digits: int) -> Decimal:
    """A figure with so many decimals, to be compared with others as they print.

    Args:
        value: Not NaN.
        digits: Decimals.

    Example:
        >>> as_printed(30.125, 2), as_printed(-0.004, 2) == as_printed(0.0, 2)
        (Decimal('30.13'), True)
    """
    if math.isinf(value):
        return Decimal(value)
    return _WIDE.quantize(_TWELVE.create_decimal(Decimal(float(value))), Decimal(1).scaleb(-digits))


def fixed(value: float, digits: int, sign: bool = False) -> str:
    """A finite figure with so many decimals.

    Args:
        value: The figure.
        digits: Decimals.
        sign: Whether figures above zero get a plus.

    Example:
        >>> fixed(30.125, 2), fixed(1.005, 2), fixed(-0.001, 2), fixed(0.125, 2, sign=True)
        ('30.13', '1.01', '0.00', '+0.13')
    """
    printed = as_printed(value, digits)
    if not printed:
        return f"{abs(printed):f}"
    return f"{printed:{'+' if sign else ''}f}"


def significant(value: float, digits: int = 3) -> str:
    """A finite figure with so many significant digits, without an exponent.

    Args:
        value: The figure.
        digits: Significant digits.

    Example:
        >>> significant(5.325), significant(1234.5), significant(2.0), significant(0.0)
        ('5.33', '1230', '2', '0')
    """
    short = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(
        _TWELVE.create_decimal(Decimal(float(value)))
    )
    return f"{short.normalize(_WIDE):f}" if short else "0"
