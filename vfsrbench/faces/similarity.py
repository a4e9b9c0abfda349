"""Similarity transforms (scale, rotation, shift) between two sets of points.

In the plane a similarity is one complex number m and one shift t: z -> m z + t. Its least-squares fit is
a complex regression, so no singular value decomposition is needed; it equals Umeyama's solution with
scale (TPAMI 1991) because a similarity of the plane without mirroring has exactly these four parameters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degradations.errors import InputError

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
    source, target = _complex(points), _complex(template)
    source, target = np.broadcast_arrays(source, target)
    share = np.ones(source.shape) if weights is None else np.broadcast_to(np.asarray(weights), source.shape)
    share = share / share.sum(-1, keepdims=True)
    source_mean = (share * source).sum(-1, keepdims=True)
    target_mean = (share * target).sum(-1, keepdims=True)
    centred = source - source_mean
    spread = (share * np.abs(centred) ** 2).sum(-1)
    if not np.isfinite(spread).all() or not np.isfinite(target_mean).all():
        raise InputError("landmarks must be finite numbers; fill or drop the frames without a face first")
    if (spread <= 1e-18 * (1 + np.abs(source_mean[..., 0]) ** 2)).any():  # rounding leaves a little
        raise InputError("landmarks of a face all lie on one point; give five distinct points")
    turn = (share * np.conj(centred) * (target - target_mean)).sum(-1) / spread
    shift = target_mean[..., 0] - turn * source_mean[..., 0]
    return _matrix(turn, shift)


def robust_similarity(points: ArrayLike, template: ArrayLike) -> NDArray[np.float64]:
    """Least median of squares over five points, as cv2.estimateAffinePartial2D(method=LMEDS) finds it.

    points: (..., 5, 2) pixels; template: (5, 2). Returns (..., 2, 3). The pair of points whose exact
    similarity has the smallest median squared error decides which points are inliers (within
    2.5 * 1.4826 * (1 + 5 / 3) times the root of that median, at least 0.001 px); the answer is the
    least-squares fit to the inliers. OpenCV stops a few rounding errors short of that fit (its points are
    float32 and its last step iterates), and releases differ from each other by as much; this does not.
    """
    source, target = _complex(points), _complex(template)
    if source.shape[-1] != 5 or target.shape != (5,):
        raise InputError(f"alignment needs 5 landmarks a face, got {source.shape[-1]}")
    if not np.isfinite(source).all():
        raise InputError("landmarks must be finite numbers; fill or drop the frames without a face first")
    best_median = np.full(source.shape[:-1], np.inf)
    best_errors = np.full(source.shape, np.inf)
    for first, second in LMEDS_PAIRS:
        span = source[..., second] - source[..., first]
        length = np.abs(span) ** 2
        usable = length > 0
        safe = np.where(usable, length, 1.0)
        turn = np.conj(span) * (target[second] - target[first]) / safe
        shift = target[first] - turn * source[..., first]
        errors = np.abs(turn[..., None] * source + shift[..., None] - target) ** 2
        median = np.where(usable, np.sort(errors, axis=-1)[..., 2], np.inf)
        better = median < best_median
        best_median = np.where(better, median, best_median)
        best_errors = np.where(better[..., None], errors, best_errors)
    if not np.isfinite(best_median).all():
        raise InputError("landmarks of a face all lie on one point; give five distinct points")
    reach = np.maximum(2.5 * 1.4826 * (1 + 5 / 3) * np.sqrt(best_median), 0.001)
    inliers = best_errors <= (reach**2)[..., None]
    return least_squares_similarity(points, template, inliers)


def invert(matrix: ArrayLike) -> NDArray[np.float64]:
    """The inverse of affine matrices (..., 2, 3)."""
    m = np.asarray(matrix, dtype=np.float64)
    linear = np.linalg.inv(m[..., :2])
    return np.concatenate([linear, -linear @ m[..., 2:]], axis=-1)


def transform_points(matrix: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., K, 2) carried by affine matrices (..., 2, 3)."""
    m, p = np.asarray(matrix, dtype=np.float64), np.asarray(points, dtype=np.float64)
    return p @ np.swapaxes(m[..., :2], -1, -2) + m[..., None, :, 2]


def _complex(points: ArrayLike) -> NDArray[np.complex128]:
    p = np.asarray(points, dtype=np.float64)
    if p.ndim < 2 or p.shape[-1] != 2:
        raise InputError(f"landmarks must be (..., K, 2) pixels, x then y; got shape {p.shape}")
    return p[..., 0] + 1j * p[..., 1]


def _matrix(turn: NDArray[np.complex128], shift: NDArray[np.complex128]) -> NDArray[np.float64]:
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))
