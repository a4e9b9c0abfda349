"""Sigma, landmark distances and embedding similarities: golden figures (pack metrics_points) and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.parity import parity
from vfsrbench.metrics.functional import identity, landmark_distance, temporal_std

PACK = parity.load(Path(parity.__file__).parent / "metrics_points.json")


@pytest.fixture(scope="module")
def series() -> list[np.ndarray]:
    rng = np.random.RandomState(2040)
    return [rng.uniform(0.4, 0.95, n) for n in (7, 12, 30)]


def test_sigma_is_the_golden_one(series: list[np.ndarray]) -> None:
    mean = np.mean([temporal_std.video_sigma(values) for values in series])
    assert mean == pytest.approx(PACK["sigma"]["sigma_population_mean_of_videos"], rel=1e-12)


def test_frames_without_a_face_are_left_out_of_sigma() -> None:
    values = [0.5, np.nan, 0.7, 0.9, np.nan]
    assert temporal_std.video_sigma(values) == pytest.approx(np.std([0.5, 0.7, 0.9]))


@pytest.mark.parametrize("values", [[], [np.nan], [0.5], [np.nan, 0.5, np.nan], [np.inf]])
def test_fewer_than_two_known_frames_have_no_sigma(values: list[float]) -> None:
    """0 would be the best value there is."""
    assert np.isnan(temporal_std.video_sigma(values, 100.0))


def test_infinite_values_count_as_the_metrics_cap_in_sigma() -> None:
    assert temporal_std.video_sigma([np.inf, 80.0], 100.0) == 10.0


def test_landmark_distances_are_the_golden_ones() -> None:
    golden = PACK["distances"]
    a = np.random.RandomState(2030).uniform(60, 450, (68, 2))
    b = a + np.random.RandomState(2031).normal(0, 3, (68, 2))
    for name in ("mean_l2", "mean_abs_coordinate", "mean_squared_l2"):
        assert getattr(landmark_distance, name)(a, b) == pytest.approx(golden[name], rel=1e-12)


def test_landmark_distances_keep_frames_apart() -> None:
    a = np.zeros((3, 5, 2))
    b = a + np.array([3, 4])
    b[1] = np.nan
    assert np.array_equal(landmark_distance.mean_l2(a, b), [5, np.nan, 5], equal_nan=True)
    assert landmark_distance.mean_abs_coordinate(a, b)[0] == 3.5
    assert landmark_distance.mean_squared_l2(a, b)[2] == 25


def test_cosine_does_not_see_length() -> None:
    a = np.array([[3.0, 0], [1, 1], [0, 0], [1, np.nan]])
    b = np.array([[0.1, 0], [-2, -2], [1, 0], [1, 0]])
    assert np.allclose(identity.cosine(a, b), [1, -1, np.nan, np.nan], equal_nan=True)


def test_vidd_is_the_distance_to_the_frame_before() -> None:
    walk = np.array([[2.0, 0], [0, 5], [0, 1], [-3, 0]])
    assert np.allclose(
        identity.neighbour_distances(walk), [np.nan, np.sqrt(2), 0, np.sqrt(2)], equal_nan=True
    )
    raw = identity.neighbour_distances(walk, normalize=False)
    assert np.allclose(raw[1:], [np.sqrt(29), 4, np.sqrt(10)])
    # published VIDD of unit embeddings with cosine 0.885 is 0.479
    close = np.array([[1, 0], [0.885, np.sqrt(1 - 0.885**2)]])
    assert identity.neighbour_distances(close)[1] == pytest.approx(0.479, abs=1e-3)


def test_global_similarity_against_plain_loops() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 6)) + 1
    rows[4] = np.nan
    similar = [[identity.cosine(a, b) for b in rows] for a in rows]
    far = [similar[s][t] for s in range(9) for t in range(9) if s != t]
    assert identity.global_similarity(rows) == pytest.approx(np.nanmean(far))
    assert np.isnan(identity.global_similarity(rows[3:5]))
