"""Frechet and kernel distances against the golden figures of five libraries (pack metrics_frechet)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degradations.errors import InputError
from tests.parity import parity
from vfsrbench.metrics.functional.frechet import (
    Gaussian,
    frechet_distance,
    frechet_of_features,
    gaussian_of,
    kid,
    kid_interval,
    squared_mean_distance,
)

CASES = parity.load(Path(parity.__file__).parent / "metrics_frechet.json")["cases"]
SETS = [case for case in CASES if "fid_pytorch_fid" in case["values"]]


def _inputs(case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    a, b = (parity.make_array(case["inputs"][side]) for side in "ab")
    return a, b


@pytest.mark.parametrize("case", SETS, ids=lambda case: case["name"])
def test_frechet_distance(case: dict[str, Any]) -> None:
    a, b = _inputs(case)
    ours, values = frechet_of_features(a, b), case["values"]
    scale = values["trace_a"] + values["trace_b"]
    assert abs(ours - values["fid_symmetric_psd_float64"]) < 1e-7 * scale
    # few samples make the product's root ill-conditioned: 1e-8 of the traces
    for library in ("fid_pytorch_fid", "fid_clean_fid", "fid_torch_fidelity", "fid_torchmetrics"):
        assert abs(ours - values[library]) < 1e-7 * scale, library
    assert abs(ours - values["fvd_stylegan_v"]) < 1e-7 * scale
    assert gaussian_of(a).covariance.trace() == pytest.approx(values["trace_a"], rel=1e-9)
    assert squared_mean_distance(a, b) == pytest.approx(values["mean_term"], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("case", SETS, ids=lambda case: case["name"])
def test_kid_over_all_samples(case: dict[str, Any]) -> None:
    assert kid(*_inputs(case)) == pytest.approx(case["values"]["kid_unbiased_all"], rel=1e-9, abs=1e-12)


def test_one_clip_each_is_only_the_legacy_figure() -> None:
    case = next(case for case in CASES if case["name"].startswith("one clip"))
    a, b = _inputs(case)
    assert squared_mean_distance(a, b) == pytest.approx(case["values"]["fvd_stylegan_v"], rel=1e-9)
    with pytest.raises(InputError, match="at least 2 samples"):
        frechet_of_features(a, b)


@pytest.mark.parametrize(("n", "width"), [(2, 8), (20, 2048), (60, 400), (40, 64)])
def test_with_fewer_samples_than_dimensions_it_is_exact(n: int, width: int) -> None:
    """Closed forms: a set against itself, moved, and spread three times as wide."""
    rng = np.random.default_rng(n)
    a = rng.normal(size=(n, width)) * rng.gamma(1, 1, width)
    move, mean = rng.normal(size=width), a.mean(0)
    traces = gaussian_of(a).covariance.trace()
    assert abs(frechet_of_features(a, a)) < 1e-13 * traces
    assert abs(frechet_of_features(a, a + move) - move @ move) < 1e-12 * traces
    wide = 4 * traces + 4 * mean @ mean
    assert abs(frechet_of_features(a, 3 * a) - wide) < 1e-12 * traces
    assert frechet_of_features(a, a[::-1]) == pytest.approx(0, abs=1e-13 * traces)


def test_the_form_does_not_jump_where_the_samples_outnumber_the_dimensions() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(64, 64)), rng.normal(0.3, 2, size=(64, 64))
    by_samples = frechet_of_features(a, b)
    assert by_samples == pytest.approx(frechet_distance(gaussian_of(a), gaussian_of(b)), rel=1e-8)


def test_features_of_different_widths_are_refused() -> None:
    with pytest.raises(InputError, match="8 and 9 numbers"):
        frechet_of_features(np.zeros((4, 8)), np.zeros((4, 9)))


def test_distance_of_known_gaussians() -> None:
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    variance_a, variance_b = np.array([4.0, 9, 1, 0, 2, 3]), np.array([1.0, 4, 1, 5, 0, 3])
    a = Gaussian(np.zeros(6), turn @ np.diag(variance_a) @ turn.T)
    b = Gaussian(np.arange(6.0), turn @ np.diag(variance_b) @ turn.T)
    known = (np.arange(6.0) ** 2).sum() + ((variance_a**0.5 - variance_b**0.5) ** 2).sum()
    assert frechet_distance(a, b) == pytest.approx(known)
    assert frechet_distance(b, a) == pytest.approx(known)


def _clips(seed: int, shift: float, count: int = 8) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, 12) + shift + rng.normal(0, 0.3, (n, 12)) for n in rng.integers(3, 9, count)]


def test_kid_in_pieces_is_kid() -> None:
    """More samples than are taken at once: the same as the plain double sum."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2500, 4)), rng.normal(0.2, 1, size=(300, 4))

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / 4 + 1) ** 3

    same = [(kernel(x, x).sum() - np.trace(kernel(x, x))) / (len(x) * (len(x) - 1)) for x in (a, b)]
    assert kid(a, b) == pytest.approx(sum(same) - 2 * kernel(a, b).mean(), rel=1e-9)


def test_interval_over_clips_holds_the_estimate_and_is_seeded() -> None:
    a, b = _clips(0, 0.0), _clips(1, 0.8)
    estimate = kid(np.concatenate(a), np.concatenate(b))
    low, high = kid_interval(a, b, rounds=300)
    assert low < estimate < high
    assert kid_interval(a, b, rounds=300) == (low, high)
    assert kid_interval(a, b, rounds=300, seed=1) != (low, high)


def test_drawing_every_clip_twice_changes_nothing() -> None:
    from vfsrbench.metrics.functional.frechet import _Blocks

    blocks = _Blocks(_clips(0, 0.0), _clips(1, 0.5))
    assert blocks.estimate(np.full(8, 2.0)) == pytest.approx(blocks.estimate())


def test_a_draw_counts_a_clip_as_often_as_it_was_drawn() -> None:
    """Against the sums written out, a repeated clip's frames compared with their copies' other frames."""
    from vfsrbench.metrics.functional.frechet import _Blocks

    a, b = _clips(0, 0.0, 3), _clips(1, 0.5, 3)
    weights = np.array([2.0, 0.0, 1.0])

    def drawn(clips: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        picked = [(i, clip) for i, clip in enumerate(clips) for _ in range(int(weights[i]))]
        frames = np.concatenate([clip for _, clip in picked])
        return frames, np.concatenate([100 * i + np.arange(len(clip)) for i, clip in picked])

    def within(clips: list[np.ndarray]) -> float:
        frames, names = drawn(clips)
        kernel = (frames @ frames.T / 12 + 1) ** 3
        return float(kernel[names[:, None] != names[None, :]].sum())

    blocks = _Blocks(a, b)
    assert weights @ blocks.aa @ weights == pytest.approx(within(a))
    across = (drawn(a)[0] @ drawn(b)[0].T / 12 + 1) ** 3
    assert weights @ blocks.ab @ weights == pytest.approx(across.sum())


def test_bad_input_is_refused() -> None:
    good = np.ones((3, 4))
    with pytest.raises(InputError, match="finite"):
        kid(good * np.nan, good)
    with pytest.raises(InputError, match="4 and 5 numbers"):
        kid(good, np.ones((3, 5)))
    with pytest.raises(InputError, match="same clips"):
        kid_interval([good], [good])
