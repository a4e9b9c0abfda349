"""The numbers that frames are made of between operators: grey levels, or sixty-fourths of them.

A picture is either uint8 (whole grey levels) or int16 (1/64 grey level, so 255 is 16320). Every operator
computes its exact result from whole-number weights and rounds it once to this grid; no sum ever depends on
the order of its terms, and equal inputs give equal bits on every processor.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

STEPS = 64
"""Steps of the grid in one grey level."""
WHITE = 255 * STEPS
"""The brightest value that can be shown, in grid steps."""
_LIMITS = (-(1 << 15), (1 << 15) - 1)

Picture = NDArray[np.uint8] | NDArray[np.int16]
"""(H, W, 3) RGB: uint8 grey levels, or int16 sixty-fourths (which may lie outside 0..255 levels)."""


def fine(picture: Picture) -> NDArray[np.int16]:
    """The picture in sixty-fourths of a grey level."""
    if picture.dtype == np.int16:
        return cast("NDArray[np.int16]", picture)
    return picture.astype(np.int16) << 6


def settle(values: NDArray[Any], safe: bool = False) -> NDArray[np.int16]:
    """Exact values (floats) in grid steps, rounded to the grid (ties to even); the array is used up.

    Values beyond the type are cut; `safe` states that there are none.
    """
    np.rint(values, out=values)
    if not safe:
        np.clip(values, *_LIMITS, out=values)
    return values.astype(np.int16)


def clamp(picture: NDArray[np.int16]) -> NDArray[np.int16]:
    """The picture cut to what can be shown, black to white, in place."""
    return np.clip(picture, 0, WHITE, out=picture)


def whole(picture: Picture, truncate: bool = False) -> NDArray[np.uint8]:
    """The picture in whole grey levels 0..255: rounded (ties to even) or, like a plain cast, truncated."""
    if picture.dtype == np.uint8:
        return cast("NDArray[np.uint8]", picture)
    shown: NDArray[np.int16] = np.clip(picture, 0, WHITE)
    if not truncate:
        shown += (STEPS // 2 - 1) + ((shown >> 6) & 1)
    return (shown >> 6).astype(np.uint8)
