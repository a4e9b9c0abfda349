"""Turning frames upright: what cameras note instead of turning the pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Orientation:
    """What brings a frame upright: swap rows and columns first, then mirror. All eight are there."""

    transpose: bool = False
    left_right: bool = False
    top_down: bool = False

    def apply(self, frame: Frames) -> Frames:
        """The upright frame (H, W, 3), a view."""
        if self.transpose:
            frame = frame.swapaxes(0, 1)
        return frame[:: -1 if self.top_down else 1, :: -1 if self.left_right else 1]


UPRIGHT = Orientation()


def from_matrix(data: bytes) -> Orientation | None:
    """The orientation of a display matrix (FFmpeg's side data: nine native 32-bit numbers).

    The matrix takes a stored place (x, y) to (a x + c y, b x + d y). None for angles between the four.
    """
    a, b, _, c, d, _, *_ = struct.unpack("=9i", data)
    if b == c == 0 and a and d:
        return Orientation(False, a < 0, d < 0)
    if a == d == 0 and b and c:
        return Orientation(True, c < 0, b < 0)
    return None
