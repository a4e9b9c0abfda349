"""Affine warping of 8-bit pictures that gives the same bytes everywhere.

OpenCV 4's bilinear `warpAffine` works in integers: source positions are rounded to 1/32 pixel and the four
weights to 1/1024. OpenCV 5 and some builds (IPP, some SIMD paths) interpolate otherwise, so this is that
arithmetic written out in numpy: the same bytes as OpenCV 4.10, whatever is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError

_STEPS = 32  # positions in a pixel
_SCALE = 1024  # fixed-point unit of the running coordinates


def warp_affine(
    frames: NDArray[np.uint8],
    matrix: ArrayLike,
    size: tuple[int, int],
    border: tuple[int, int, int] = (0, 0, 0),
    origin: tuple[int, int] = (0, 0),
) -> NDArray[np.uint8]:
    """Pictures carried by affine matrices (source pixel -> target pixel), bilinear, constant outside.

    frames: (H, W, 3) or (T, H, W, 3) uint8. matrix: (2, 3), or (T, 2, 3) one a frame.
    size: (height, width) of the result. border: colour outside, in the order of the frames' channels.
    origin: (row, column) of the target at which the result begins: a part of it, cut out.
    Returns (height, width, 3) or (T, height, width, 3) uint8.
    """
    pictures = np.asarray(frames)
    if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4) or pictures.shape[-1] != 3:
        raise InputError(f"frames must be uint8 (T, H, W, 3), got {pictures.dtype} {pictures.shape}")
    matrices = _checked(matrix)
    if pictures.ndim == 3:
        return _warp_one(pictures, matrices.reshape(2, 3), size, border, origin)
    matrices = np.broadcast_to(matrices, (len(pictures), 2, 3))
    out = np.empty((len(pictures), *size, 3), np.uint8)
    for target, picture, m in zip(out, pictures, matrices, strict=True):
        target[...] = _warp_one(picture, m, size, border, origin)
    return out


def warp_map(
    values: NDArray[np.float64], matrix: ArrayLike, size: tuple[int, int], origin: tuple[int, int] = (0, 0)
) -> NDArray[np.float64]:
    """One map of numbers (H, W), such as a mask, carried as `warp_affine` carries pictures; 0 outside.

    Positions are in 1/32 pixel here too, values are not rounded. Returns (height, width).
    """
    if values.ndim != 2:
        raise InputError(f"a map must be (H, W), got shape {values.shape}")
    padded = np.pad(np.asarray(values, dtype=np.float64), 2)
    return _sampled(padded[..., None], _checked(matrix).reshape(2, 3), size, origin)[..., 0] / _SCALE


def _checked(matrix: ArrayLike) -> NDArray[np.float64]:
    matrices = np.asarray(matrix, dtype=np.float64)
    if matrices.shape[-2:] != (2, 3) or not np.isfinite(matrices).all():
        raise InputError(f"an affine matrix must be finite numbers (2, 3), got shape {matrices.shape}")
    return matrices


def _warp_one(
    picture: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    size: tuple[int, int],
    border: tuple[int, int, int],
    origin: tuple[int, int],
) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    padded = np.empty((height + 4, width + 4, 3), np.uint8)
    padded[...] = border
    padded[2:-2, 2:-2] = picture
    total = _sampled(padded, matrix, size, origin)
    return ((total + _SCALE // 2) >> 10).astype(np.uint8)


def _sampled(
    padded: NDArray[Any], matrix: NDArray[np.float64], size: tuple[int, int], origin: tuple[int, int]
) -> NDArray[Any]:
    """Weighted sums of four neighbours, in 1/1024 of a level. `padded` has two rows and columns of border on
    each side, which hold every position that is outside, after clipping."""
    height, width = padded.shape[0] - 4, padded.shape[1] - 4
    x, y = _positions(matrix, size, origin)
    left = np.clip(x >> 5, -2, width) + 2
    top = np.clip(y >> 5, -2, height) + 2
    corner = top * (width + 4) + left
    fx, fy = (x & (_STEPS - 1))[..., None], (y & (_STEPS - 1))[..., None]
    flat = padded.reshape(-1, padded.shape[-1])
    upper = flat[corner] * (_STEPS - fx) + flat[corner + 1] * fx
    lower = flat[corner + width + 4] * (_STEPS - fx) + flat[corner + width + 5] * fx
    return upper * (_STEPS - fy) + lower * fy


def _positions(
    matrix: NDArray[np.float64], size: tuple[int, int], origin: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where each target pixel lies in the source, in 1/32 pixel: x and y, each (height, width)."""
    (a, b, e), (c, d, f) = matrix.tolist()
    determinant = a * d - b * c
    scale = 1.0 / determinant if determinant != 0 else 0.0
    ia, ib, ic, id_ = d * scale, -b * scale, -c * scale, a * scale
    ie, if_ = -ia * e - ib * f, -ic * e - id_ * f
    columns = np.arange(origin[1], origin[1] + size[1], dtype=np.float64)
    rows = np.arange(origin[0], origin[0] + size[0], dtype=np.float64)
    half = _SCALE // _STEPS // 2

    def axis(along_x: float, along_y: float, start: float) -> NDArray[np.int32]:
        across = np.clip(np.rint(along_x * columns * _SCALE), -(2**30), 2**30).astype(np.int64)
        down = np.clip(np.rint((along_y * rows + start) * _SCALE), -(2**30), 2**30).astype(np.int64)
        return ((down[:, None] + half + across) >> 5).astype(np.int32)

    return axis(ia, ib, ie), axis(ic, id_, if_)
