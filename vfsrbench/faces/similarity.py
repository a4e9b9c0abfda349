"""Similarity transforms (scale, rotation, shift) between two sets of points.

In the plane a similarity without mirroring has four parameters, (x, y) -> (a x - b y + p, b x + a y + q),
all linear, so its least-squares fit is in closed form and equals Umeyama's solution with scale (TPAMI 1991)
without a singular value decomposition. Real additions and products only: numpy's complex product and
absolute value give other last bits on other processors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError

_NOT_FINITE = "landmarks must be finite numbers; fill or drop the frames without a face first"
_ONE_POINT = "landmarks of a face all lie on one point; give five distinct points"
# cv2.estimateAffinePartial2D(..., method=LMEDS) draws 13 pairs from a generator with a fixed seed. For five
# points these are the distinct ones, in the order of their first appearance: four of the ten are never tried.
LMEDS_PAIRS = ((0, 4), (0, 3), (1, 2), (0, 1), (1, 4), (1, 3))


def least_squares_similarity(
    points: ArrayLike, template: ArrayLike, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """The similarity that carries `points` nearest to `template` (weighted sum of squared distances).

    points and template: (..., K, 2) pixels, x then y, K >= 2; weights: (..., K), default 1.
    Returns (..., 2, 3) matrices A with A @ (x, y, 1) = target. Raises InputError when all weighted points
    of a set coincide (no scale can be found) or a coordinate is not finite.
    """
    (x, y), (u, v) = _axes(points), _axes(template)
    x, y, u, v = np.broadcast_arrays(x, y, u, v)
    share = np.ones(x.shape) if weights is None else np.broadcast_to(np.asarray(weights, float), x.shape)
    share = share / share.sum(-1, keepdims=True)
    means = [(share * axis).sum(-1, keepdims=True) for axis in (x, y, u, v)]
    dx, dy, du, dv = (axis - mean for axis, mean in zip((x, y, u, v), means, strict=True))
    spread = (share * (dx * dx + dy * dy)).sum(-1)
    mx, my, mu, mv = (mean[..., 0] for mean in means)
    if not np.isfinite(spread + mu + mv).all():
        raise InputError(_NOT_FINITE)
    if (spread <= 1e-18 * (1 + mx * mx + my * my)).any():  # rounding leaves a little
        raise InputError(_ONE_POINT)
    a = (share * (dx * du + dy * dv)).sum(-1) / spread
    b = (share * (dx * dv - dy * du)).sum(-1) / spread
    return _matrix(a, b, mu - (a * mx - b * my), mv - (b * mx + a * my))


def robust_similarity(points: ArrayLike, template: ArrayLike) -> NDArray[np.float64]:
    """Least median of squares over five points, as cv2.estimateAffinePartial2D(method=LMEDS) finds it.

    points: (..., 5, 2) pixels; template: (5, 2). Returns (..., 2, 3). The pair of points whose exact
    similarity has the smallest median squared error decides which points are inliers (within
    2.5 * 1.4826 * (1 + 5 / 3) times the root of that median, at least 0.001 px); the answer is the
    least-squares fit to the inliers. OpenCV stops a few rounding errors short of that fit (its points are
    float32 and its last step iterates), and releases differ from each other by as much; this does not.
    """
    (x, y), (u, v) = _axes(points), _axes(template)
    if x.shape[-1] != 5 or u.shape != (5,):
        raise InputError(f"alignment needs 5 landmarks a face, got {x.shape[-1]}")
    if not np.isfinite(x + y).all():
        raise InputError(_NOT_FINITE)
    best_median = np.full(x.shape[:-1], np.inf)
    best_errors = np.full(x.shape, np.inf)
    for first, second in LMEDS_PAIRS:
        errors = _pair_errors(x, y, u, v, first, second)
        median = np.sort(errors, axis=-1)[..., 2]
        better = median < best_median
        best_median = np.where(better, median, best_median)
        best_errors = np.where(better[..., None], errors, best_errors)
    if not np.isfinite(best_median).all():
        raise InputError(_ONE_POINT)
    reach = np.maximum(2.5 * 1.4826 * (1 + 5 / 3) * np.sqrt(best_median), 0.001)
    return least_squares_similarity(points, template, best_errors <= (reach * reach)[..., None])


def _pair_errors(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    first: int,
    second: int,
) -> NDArray[np.float64]:
    """Squared distances (..., 5) under the similarity that is exact for two of the points; inf when these
    two coincide."""
    dx, dy = x[..., second] - x[..., first], y[..., second] - y[..., first]
    du, dv = u[second] - u[first], v[second] - v[first]
    length = dx * dx + dy * dy
    safe = np.where(length > 0, length, 1.0)
    a, b = ((dx * du + dy * dv) / safe)[..., None], ((dx * dv - dy * du) / safe)[..., None]
    from_x, from_y = x - x[..., first, None], y - y[..., first, None]
    error_x = a * from_x - b * from_y + u[first] - u
    error_y = b * from_x + a * from_y + v[first] - v
    return np.where((length > 0)[..., None], error_x * error_x + error_y * error_y, np.inf)


def invert(matrix: ArrayLike) -> NDArray[np.float64]:
    """The inverse of affine matrices (..., 2, 3), in closed form. InputError when there is none."""
    m = np.asarray(matrix, dtype=np.float64)
    (a, b, x), (c, d, y) = np.moveaxis(m, (-2, -1), (0, 1))
    determinant = a * d - b * c
    if not (np.isfinite(determinant) & (determinant != 0)).all():
        raise InputError("an affine matrix cannot be inverted: it is not finite, or flattens the picture")
    a, b, c, d = d / determinant, -b / determinant, -c / determinant, a / determinant
    rows = np.array([[a, b, -(a * x + b * y)], [c, d, -(c * x + d * y)]])
    return np.moveaxis(rows, (0, 1), (-2, -1))


def transform_points(matrix: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., K, 2) carried by affine matrices (..., 2, 3)."""
    m, p = np.asarray(matrix, dtype=np.float64), np.asarray(points, dtype=np.float64)
    x, y = p[..., :1], p[..., 1:]
    return x * m[..., None, :, 0] + y * m[..., None, :, 1] + m[..., None, :, 2]


def _axes(points: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p = np.asarray(points, dtype=np.float64)
    if p.ndim < 2 or p.shape[-1] != 2:
        raise InputError(f"landmarks must be (..., K, 2) pixels, x then y; got shape {p.shape}")
    return p[..., 0], p[..., 1]


def _matrix(
    a: NDArray[np.float64], b: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.moveaxis(np.array([[a, -b, x], [b, a, y]]), (0, 1), (-2, -1))
