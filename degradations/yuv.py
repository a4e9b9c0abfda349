"""8-bit RGB to planar YUV 4:2:0 and back, BT.601 limited range, in whole numbers.

swscale's own conversion is one level too dark on the way back and differs between processors; this one is
the rounded exact value. Chroma is the mean of 2 x 2 pixels, and repeated on the way back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BITS = 16
_HALF = 1 << (_BITS - 1)


def _fixed(*factors: float) -> tuple[int, ...]:
    return tuple(round(factor * (1 << _BITS)) for factor in factors)


_KR, _KG, _KB = 0.299, 0.587, 0.114
_LUMA = _fixed(*(k * 219 / 255 for k in (_KR, _KG, _KB)))
_BLUE = _fixed(*(k / (1 - _KB) / 2 * 224 / 255 for k in (-_KR, -_KG, 1 - _KB)))
_RED = _fixed(*(k / (1 - _KR) / 2 * 224 / 255 for k in (1 - _KR, -_KG, -_KB)))
_FROM_LUMA, _RED_FROM_V, _BLUE_FROM_U = _fixed(
    255 / 219, 2 * (1 - _KR) * 255 / 224, 2 * (1 - _KB) * 255 / 224
)
_GREEN_FROM_U, _GREEN_FROM_V = _fixed(
    -2 * (1 - _KB) * _KB / _KG * 255 / 224, -2 * (1 - _KR) * _KR / _KG * 255 / 224
)

Plane = NDArray[np.int32]


def to_yuv420(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB (H, W, 3) with even sides to planes as PyAV takes them: (3 H / 2, W)."""
    height, width = frame.shape[:2]
    colours = [frame[:, :, c].astype(np.int32) for c in range(3)]
    luma = _mix(_LUMA, colours, _BITS) + 16
    quads = [_sum_of_four(plane) for plane in colours]
    u = _mix(_BLUE, quads, _BITS + 2) + 128
    v = _mix(_RED, quads, _BITS + 2) + 128
    planes = np.concatenate([luma.ravel(), u.ravel(), v.ravel()])
    return planes.astype(np.uint8).reshape(height * 3 // 2, width)


def from_yuv420(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Planes (3 H / 2, W) as PyAV gives them to RGB (H, W, 3)."""
    width = planes.shape[1]
    height = planes.shape[0] * 2 // 3
    half = (height // 2, width // 2)
    flat = planes.ravel().astype(np.int32)
    luma = (flat[: height * width].reshape(height, width) - 16) * _FROM_LUMA + _HALF
    u, v = (plane.reshape(half) - 128 for plane in np.split(flat[height * width :], 2))
    parts = (_RED_FROM_V * v, _GREEN_FROM_U * u + _GREEN_FROM_V * v, _BLUE_FROM_U * u)
    frame = np.empty((height, width, 3), np.uint8)
    for channel, part in enumerate(parts):
        level = (luma + part.repeat(2, axis=0).repeat(2, axis=1)) >> _BITS
        frame[:, :, channel] = np.clip(level, 0, 255, out=level)
    return frame


def _mix(factors: tuple[int, ...], colours: list[Plane], bits: int) -> Plane:
    red, green, blue = colours
    total = factors[0] * red + factors[1] * green + factors[2] * blue
    return (total + (1 << (bits - 1))) >> bits


def _sum_of_four(plane: Plane) -> Plane:
    pairs = plane[0::2] + plane[1::2]
    return pairs[:, 0::2] + pairs[:, 1::2]
