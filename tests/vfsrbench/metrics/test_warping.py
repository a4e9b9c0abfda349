"""Warping error: shared flows, pairs without visible pixels, and what smoothness does to it."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics.estimators.flow import Flow
from vfsrbench.metrics.estimators.flow_sources import DisFlow
from vfsrbench.metrics.warping import carrier, visible

INFO = TruthInfo("clip", "", 12, exact_flow=clips.motion)


def test_the_exact_flow_explains_the_ground_truth_and_dis_nearly_does() -> None:
    truth = clips.moving(6)
    exact, found = (
        metric(name).finish(scores(metric(name), truth, truth, 3, INFO)) for name in ("ewarp_gt", "ewarp_dis")
    )
    unmoved = 1e3 * np.mean((np.diff(truth.astype(float) / 255, axis=0)) ** 2)
    assert exact < 0.02 * unmoved
    assert exact < found < 0.1 * unmoved


def test_dis_finds_the_motion_in_pixels_x_then_y() -> None:
    window = Window(clips.moving(2, size=128), 0, 0, INFO)
    (flow,) = DisFlow().flows(window, [(0, 1)])
    assert flow.vectors.shape == (2, 128, 128)
    inside = flow.vectors[:, 20:-20, 20:-20]
    assert inside.mean((1, 2)) == pytest.approx(np.array(clips.STEP), abs=0.1)


def test_flow_on_the_ground_truth_is_found_once_for_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    create = cv2.DISOpticalFlow.create

    def counted(preset: int) -> object:
        calls.append(preset)
        return create(preset)

    monkeypatch.setattr(cv2.DISOpticalFlow, "create", counted)
    frames = clips.moving(4)
    truth = Window(frames, 0, 0, INFO)
    state = metric("ewarp_dis").prepare(truth)
    again = metric("ewarp_dis").prepare(truth)
    for strength in (0.2, 0.4, 0.6):
        metric("ewarp_dis").score(Window(clips.noisy(frames, strength), 0, 0, INFO), truth, state)
    assert len(again) == 3
    assert len(calls) == 6  # three pairs, both directions


def test_a_pair_in_which_nothing_is_visible_has_no_value() -> None:
    far = Flow(np.full((2, 16, 16), 3.0, np.float32))  # both directions the same way: inconsistent
    seen = visible(far, far)
    assert not seen.any()
    frame = np.zeros((16, 16, 3), np.uint8)
    assert np.isnan(carrier(far, seen).error(frame, frame))


def test_pixels_whose_flow_is_unknown_are_left_out() -> None:
    still = np.zeros((2, 16, 16), np.float32)
    known = np.ones((16, 16), bool)
    known[:, 8:] = False
    assert (visible(Flow(still, known), Flow(still)) == known).all()
    nonsense = np.where(known, still, 99).astype(np.float32)
    assert visible(Flow(still), Flow(nonsense, known)).all()  # an unknown backward flow says nothing


def test_bands_of_rows_give_what_the_whole_picture_gives() -> None:
    """A picture of three bands, of 81 rows at most: at the first row of each the flow changes."""
    rng = np.random.default_rng(3)
    height, width = 200, 100
    forward = rng.normal(0, 0.01, (2, height, width)) + 3
    forward[0, ::9] += 1
    backward = rng.normal(0, 1, (2, height, width)) - 3
    y, x = np.mgrid[:height, :width]
    at = np.clip(y + forward[1], 0, height - 1), np.clip(x + forward[0], 0, width - 1)
    there = np.stack([map_coordinates(part, at, order=1, mode="nearest") for part in backward])
    length = (forward**2).sum(0)
    consistent = ((there + forward) ** 2).sum(0) <= 0.01 * ((there**2).sum(0) + length) + 0.5
    steps = [np.diff(forward, axis=axis, append=forward.take([-1], axis)) ** 2 for axis in (1, 2)]
    smooth = (steps[0] + steps[1]).sum(0) <= 0.01 * length + 0.002
    assert 0.2 < consistent.mean() < 0.8 and 0.7 < smooth.mean() < 0.8
    assert (visible(Flow(forward), Flow(backward)) == (consistent & smooth)).all()


def test_blur_wins_over_noise_and_the_card_says_so() -> None:
    truth = clips.moving(6)
    sharp, soft, rough = (
        metric("ewarp_dis").finish(scores(metric("ewarp_dis"), x, truth, 6, INFO))
        for x in (truth, clips.blurred(truth, 1.0), clips.noisy(truth, 0.5))
    )
    assert soft < sharp < rough
    assert "Smooth output always wins" in metric("ewarp_dis").card.definition


def test_no_bit_depends_on_the_windows() -> None:
    truth = clips.moving(5)
    restored = clips.noisy(truth, 0.5)
    want = scores(metric("ewarp_gt"), restored, truth, 5, INFO)
    for size in (1, 2, 3):
        assert scores(metric("ewarp_gt"), restored, truth, size, INFO).tobytes() == want.tobytes()


def test_no_bit_depends_on_the_threads_of_blas() -> None:
    program = (
        "import numpy as np\nfrom vfsrbench.metrics.warping import Carrier\n"
        "from scipy.sparse import identity\n"
        "a, b = np.random.default_rng(0).integers(0, 256, (2, 400, 400, 3), dtype=np.uint8)\n"
        "every = Carrier(identity(400 * 400, np.float32, 'csr'), np.arange(400 * 400))\n"
        "print(every.error(a, b).hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OPENBLAS_NUM_THREADS": str(threads)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in (1, 4)
    }
    assert len(found) == 1


def test_the_error_is_the_mean_square_over_visible_pixels() -> None:
    still = Flow(np.zeros((2, 150, 140), np.float32))
    before, after = np.random.default_rng(0).integers(0, 256, (2, 150, 140, 3), dtype=np.uint8)
    seen = np.random.default_rng(1).random((150, 140)) < 0.7
    want = np.mean(((after.astype(float) - before) / 255)[seen] ** 2)
    assert carrier(still, seen).error(before, after) == pytest.approx(want, rel=1e-13)
