from __future__ import annotations

import numpy as np
import pytest

from degradations.errors import InputError
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.faces.similarity import invert, least_squares_similarity, robust_similarity, transform_points

# what OpenCV 4.10's estimateAffinePartial2D(points, FFHQ_512, method=LMEDS) returned; the last has an outlier
OPENCV = [
    (
        [[175.584, 146.247], [250.325, 132.216], [209.594, 197.896], [167.663, 241.88], [251.689, 233.412]],
        [[1.378839, -0.048782, -25.036557], [0.048782, 1.378839, 34.618121]],
    ),
    (
        [[159.77, 145.109], [257.37, 151.503], [241.811, 168.097], [175.304, 249.435], [248.976, 235.705]],
        [[1.25614, -0.052095, -5.667868], [0.052095, 1.25614, 57.429568]],
    ),
    (
        [[171.661, 146.105], [257.586, 157.43], [213.424, 200.255], [175.276, 236.132], [248.094, 236.362]],
        [[1.516934, 0.089302, -84.285881], [-0.089302, 1.516934, 30.192444]],
    ),
    (
        [[103.861, 155.044], [252.117, 145.852], [210.178, 200.196], [172.661, 248.404], [239.881, 247.58]],
        [[1.371891, -0.012163, -25.013024], [0.012163, 1.371891, 32.739398]],
    ),
]


def _faces(count: int, seed: int) -> np.ndarray:
    """Templates turned, scaled, moved and jittered; every third has one wild point."""
    rng = np.random.RandomState(seed)
    angle, scale = rng.uniform(-0.5, 0.5, count), rng.uniform(0.5, 3, count)
    turn = np.stack(
        [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], -2
    )
    points = scale[:, None, None] * (FFHQ_512 @ turn.transpose(0, 2, 1)) + rng.uniform(
        -200, 400, (count, 1, 2)
    )
    points += rng.normal(0, 5, points.shape)
    points[::3, 2] += rng.normal(0, 60, points[::3, 2].shape)
    return points


def test_least_squares_recovers_an_exact_similarity():
    matrix = np.array([[0.8, -0.6, 12.0], [0.6, 0.8, -7.0]]) * [[1.7, 1.7, 1], [1.7, 1.7, 1]]
    points = np.random.RandomState(0).uniform(0, 500, (5, 2))
    assert np.allclose(least_squares_similarity(points, transform_points(matrix, points)), matrix, atol=1e-9)


def test_least_squares_is_the_minimum():
    points = _faces(1, 3)[0]
    best = least_squares_similarity(points, FFHQ_512)

    def cost(a: float, b: float, x: float, y: float) -> float:
        m = np.array([[a, -b, x], [b, a, y]])
        return float(((transform_points(m, points) - FFHQ_512) ** 2).sum())

    at = [best[0, 0], best[1, 0], best[0, 2], best[1, 2]]
    assert best[0, 1] == -best[1, 0] and best[1, 1] == best[0, 0]
    for index, step in [(0, 1e-4), (1, 1e-4), (2, 1e-2), (3, 1e-2)]:
        for sign in (1, -1):
            moved = list(at)
            moved[index] += sign * step
            assert cost(*moved) > cost(*at)


@pytest.mark.parametrize(("points", "matrix"), OPENCV)
def test_robust_fit_equals_opencv_4_10(points, matrix):
    # OpenCV's points are float32 and its refinement iterates: 3e-5 here
    assert np.abs(robust_similarity(points, FFHQ_512) - matrix).max() < 5e-5


def test_robust_fit_chooses_the_inliers_that_the_installed_opencv_chooses():
    cv2 = pytest.importorskip("cv2")
    faces = _faces(200, 5)
    ours = robust_similarity(faces, FFHQ_512)
    for points, matrix in zip(faces, ours, strict=True):
        theirs, _ = cv2.estimateAffinePartial2D(points, FFHQ_512, method=cv2.LMEDS)
        # another set of inliers would move the face by whole pixels
        moved = transform_points(matrix, points) - transform_points(theirs, points)
        assert np.abs(moved).max() < 0.01


def test_robust_fit_ignores_one_wild_point_and_least_squares_does_not():
    points = np.array(OPENCV[3][0])
    good = least_squares_similarity(points[1:], FFHQ_512[1:])
    assert np.allclose(robust_similarity(points, FFHQ_512), good, atol=1e-12)
    assert np.abs(least_squares_similarity(points, FFHQ_512) - good).max() > 1


def test_batch_equals_single():
    faces = _faces(7, 9)
    together = robust_similarity(faces, FFHQ_512)
    assert all((together[i] == robust_similarity(faces[i], FFHQ_512)).all() for i in range(7))


def test_invert_undoes():
    matrix = robust_similarity(_faces(3, 2), FFHQ_512)
    back = transform_points(invert(matrix), transform_points(matrix, _faces(3, 4)))
    assert np.allclose(back, _faces(3, 4), atol=1e-8)


def test_inverse_in_closed_form():
    assert invert([[2, 0, 6], [0, 4, -2]]).tolist() == [[0.5, 0, -3], [0, 0.25, 0.5]]
    assert invert([[0, -1, 5], [1, 0, 7]]).tolist() == [[0, 1, -7], [-1, 0, 5]]
    with pytest.raises(InputError, match="inverted"):
        invert([[1, 2, 0], [2, 4, 0]])


def test_degenerate_points_are_refused():
    same = np.full((5, 2), 3.0)
    for fit in (robust_similarity, least_squares_similarity):
        with pytest.raises(InputError, match="one point"):
            fit(same, FFHQ_512)
        with pytest.raises(InputError, match="finite"):
            fit(np.full((5, 2), np.nan), FFHQ_512)
    with pytest.raises(InputError, match="5 landmarks"):
        robust_similarity(np.zeros((4, 2)), FFHQ_512[:4])
