"""The rules of published scripts that the general checks do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench import plugins
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics import legacy
from vfsrbench.metrics.legacy import corrected

INFO = TruthInfo("clip", "", 3)


def test_pairs_under_one_degree_are_left_out() -> None:
    truth = clips.moving(3)
    restored = truth.copy()
    restored[1] = clips.noisy(truth[1:2], 1.0)[0]
    values = scores(metric("legacy_deg_vqfr"), restored, truth, 2, INFO)
    assert np.isnan(values).tolist() == [True, False, True]
    assert metric("legacy_deg_vqfr").finish(values) == values[1] > 1


def test_colour_correction_takes_a_cast_away() -> None:
    truth = clips.moving(1)[0]
    tinted = np.clip(truth * np.array([0.8, 1.0, 0.9]) + np.array([10, -20, 5]), 0, 255).astype(np.uint8)
    repaired = corrected(tinted, truth)
    assert repaired.mean((0, 1)) == pytest.approx(truth.mean((0, 1)), abs=0.5)
    assert repaired.std((0, 1)) == pytest.approx(truth.std((0, 1)), rel=1e-9)
    plain, lenient = (
        metric(name).finish(scores(metric(name), tinted[None], truth[None], 1, INFO))
        for name in ("psnr", "legacy_psnr_fos")
    )
    assert lenient > plain + 5


def test_a_flat_picture_can_be_corrected() -> None:
    flat = np.full((16, 16, 3), 90, np.uint8)
    assert np.isfinite(corrected(flat, clips.moving(1, 16)[0])).all()


def test_the_last_frame_alone_counts() -> None:
    values = np.arange(30.0)
    assert metric_finish("legacy_ids_bfvr", values) == 23
    assert metric_finish("legacy_ids_bfvr", values[:10]) == 9


def metric_finish(metric_id: str, values: np.ndarray) -> float:
    """`finish` needs no weights."""
    return plugins.build_metric(plugins.choose_metric(metric_id)).finish(values)


def test_legacy_columns_say_so() -> None:
    known_by_another_name = {"ewarp_evalcrafter"}
    for entry in plugins.metrics():
        named = entry.card.id.startswith("legacy_") or entry.card.id in known_by_another_name
        assert entry.card.legacy is named


@pytest.mark.slow
@pytest.mark.parametrize("size", [8, 30])
def test_the_first_24_frames_are_compared_whatever_the_windows(size: int) -> None:
    truth = clips.moving(30)
    restored = clips.noisy(truth, 0.5)
    chosen = metric("legacy_fvd_bfvr")
    value = chosen.finish(scores(chosen, restored, truth, size, INFO))
    later = restored.copy()
    later[24:] = 0
    assert value > 0
    assert chosen.finish(scores(chosen, later, truth, size, INFO)) == pytest.approx(value, rel=1e-5)


def test_a_picture_is_corrected_once_for_both_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(legacy, "corrected", lambda a, b: calls.append(1) or corrected(a, b))
    truth = clips.moving(3)
    ours, theirs = Window(clips.noisy(truth, 0.5), 0, 0, INFO), Window(truth, 0, 0, INFO)
    together = [
        one.score(ours, theirs, one.prepare(theirs)).tolist()
        for one in (metric("legacy_psnr_fos"), metric("legacy_ssim_fos"))
    ]
    assert len(calls) == 3
    restored = clips.noisy(truth, 0.5)
    assert together[0] == scores(metric("legacy_psnr_fos"), restored, truth, 3, INFO).tolist()
    assert together[1] == scores(metric("legacy_ssim_fos"), restored, truth, 3, INFO).tolist()
