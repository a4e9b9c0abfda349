"""FID, KID and FVD: features window by window, and what combining them says."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import windows
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.errors import InputError
from vfsrbench.metric import Frames, SplitMetric, TruthInfo, Window

INFO = TruthInfo("clip", "", 4)


def features(metric_id: str, frames: Frames, size: int) -> NDArray[np.float32]:
    chosen = metric(metric_id)
    assert isinstance(chosen, SplitMetric)
    return np.concatenate([chosen.features(w) for w in windows(chosen, frames, size, INFO)])


def test_features_do_not_depend_on_the_windows() -> None:
    frames = clips.moving(3)
    whole = features("fid_gt", frames, 3)
    assert whole.shape == (3, 2048) and whole.dtype == np.float32
    assert features("fid_gt", frames, 1) == pytest.approx(whole, rel=1e-4, abs=1e-5)


def test_fid_and_kid_share_their_features() -> None:
    window = Window(clips.moving(2), 0, 0, INFO)
    fid, kid = metric("fid_gt"), metric("kid_gt")
    assert isinstance(fid, SplitMetric) and isinstance(kid, SplitMetric)
    assert fid.features(window) is kid.features(window)


def samples(seed: int, shift: float = 0.0) -> list[NDArray[np.float32]]:
    """Two clips' features."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((40, 8)) + shift).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("metric_id", ["fid_gt", "kid_gt", "fvd"])
def test_equal_sets_are_near_and_shifted_ones_far(metric_id: str) -> None:
    chosen = metric(metric_id)
    assert isinstance(chosen, SplitMetric)
    truth = samples(0)
    same, near, far = (chosen.combine(x, truth) for x in (truth, samples(0, 0.1), samples(0, 1.0)))
    assert same["n"] == 80
    if metric_id != "kid_gt":  # the unbiased kernel estimate of equal sets is a little below 0
        assert same["value"] == pytest.approx(0, abs=1e-6)
    assert same["value"] < near["value"] < far["value"]


def test_kid_has_an_interval_over_clips() -> None:
    chosen = metric("kid_gt")
    assert isinstance(chosen, SplitMetric)
    found = chosen.combine(samples(1, 0.5), samples(2))
    assert found["low"] < found["value"] < found["high"]
    assert "low" not in chosen.combine(samples(1)[:1], samples(2)[:1])


def test_one_sample_has_no_distance() -> None:
    for name in ("fid_gt", "kid_gt", "fvd"):
        chosen = metric(name)
        assert isinstance(chosen, SplitMetric)
        found = chosen.combine([np.zeros((1, 8), np.float32)], [np.zeros((1, 8), np.float32)])
        assert np.isnan(found["value"]) and found["n"] == 1


def test_frames_that_are_not_finite_are_refused() -> None:
    chosen = metric("fid_gt")
    assert isinstance(chosen, SplitMetric)
    broken = np.full((1, 64, 64, 3), np.nan, np.float32)
    with pytest.raises(InputError, match="must be uint8 RGB"):
        chosen.features(Window(broken, 0, 0, INFO))  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("size", [16, 7, 40])
def test_pieces_are_cut_alike_by_any_windows(size: int) -> None:
    frames = clips.moving(40)  # two pieces of 16, a rest of 8
    whole = features("fvd", frames, 40)
    assert whole.shape == (2, 400)
    assert features("fvd", frames, size) == pytest.approx(whole, rel=1e-4, abs=1e-4)
