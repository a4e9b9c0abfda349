"""Identity columns: shared embeddings, frames without a face, what is kept between runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vfsrbench import boards
from tests.vfsrbench.metrics import clips, plain_scripts, random_weights
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.plain_scripts import LANDMARKS, SIDE
from tests.vfsrbench.metrics.random_weights import CPU, metric, weights_file
from vfsrbench import plugins
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.reference import gt_facts, gt_side
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics.estimators.face_embedder import ArcFaceEmbedder
from vfsrbench.metrics.identity import IdentitySimilarity
from vfsrbench.scoring.one_pass import NO_INPUT, unfit

pytest.importorskip("onnxruntime")
IDS = "ids_w600k_r50"
FRAMES = 4
INFO = TruthInfo("clip", "", FRAMES, landmarks=LANDMARKS)
MOVING = partial(clips.moving, size=SIDE)


class Memory(dict[str, Mapping[str, NDArray[Any]]]):
    """A clip's cache, in memory."""

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        self[key] = arrays


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many faces each call of the network got."""
    calls: list[int] = []
    chosen = metric(IDS)
    assert isinstance(chosen, IdentitySimilarity)
    assert isinstance(chosen.embedder, ArcFaceEmbedder)
    kind = type(chosen.embedder.recognize)
    real = kind.__call__

    def call(self: Any, crops: Any) -> Any:
        calls.append(len(crops))
        return real(self, crops)

    monkeypatch.setattr(kind, "__call__", call)
    yield calls


def test_what_computed_is_recorded_and_names_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings that another provider of onnxruntime made are not taken for its own."""
    monkeypatch.setattr(random_weights, "metric", random_weights.metric.__wrapped__)
    first = random_weights.metric(IDS)
    assert isinstance(first, IdentitySimilarity)
    assert first.runs_on == "onnxruntime: CPUExecutionProvider"
    init = ArcFaceEmbedder.__init__

    def elsewhere(self: Any, *given: Any) -> None:
        init(self, *given)
        self.runs_on = "onnxruntime: CUDAExecutionProvider"

    monkeypatch.setattr(ArcFaceEmbedder, "__init__", elsewhere)
    second = random_weights.metric(IDS)
    assert isinstance(second, IdentitySimilarity)
    assert second.runs_on != first.runs_on and second.key != first.key
    points = [metric("akd_2d106"), metric("akd_fan68")]
    assert [one.runs_on for one in points] == ["onnxruntime: CPUExecutionProvider", ""]


def test_a_frame_without_known_points_has_no_value_and_the_others_keep_theirs() -> None:
    truth = MOVING(FRAMES)
    restored = clips.noisy(truth, 0.5)
    holes = LANDMARKS.copy()
    holes[1, 3, 0] = np.nan
    whole = scores(metric(IDS), restored, truth, 3, INFO)
    got = scores(metric(IDS), restored, truth, 3, replace(INFO, landmarks=holes))
    assert np.isnan(got).tolist() == [False, True, False, False]
    assert got[[0, 2, 3]] == pytest.approx(whole[[0, 2, 3]], abs=1e-6)
    drift = scores(metric("vidd_w600k_r50"), restored, truth, 3, replace(INFO, landmarks=holes))
    assert np.isnan(drift).tolist() == [True, True, True, False]  # both pairs that frame 1 stands in
    for name in ("tl_id_w600k_r50", "tg_id_w600k_r50"):
        rows = scores(metric(name), restored, truth, 3, replace(INFO, landmarks=holes))
        assert np.isfinite(metric(name).finish(rows))


def test_all_identity_columns_share_one_embedding_a_frame(counted: list[int]) -> None:
    truth, restored = Window(MOVING(FRAMES), 0, 0, INFO), Window(clips.noisy(MOVING(FRAMES), 0.5), 0, 0, INFO)
    for name in (IDS, "vidd_w600k_r50", "tl_id_w600k_r50", "tg_id_w600k_r50"):
        state = metric(name).prepare(truth)
        metric(name).score(restored, truth, state)
    assert sum(counted) == 2 * FRAMES


def test_the_ground_truths_embeddings_are_kept_by_content(counted: list[int]) -> None:
    frames = MOVING(FRAMES)
    cache = Memory()
    info = replace(INFO, cache=cache)  # type: ignore[arg-type]
    first = metric(IDS).prepare(Window(frames, 0, 0, info))
    assert sum(counted) == FRAMES and len(cache) == 1
    again = metric(IDS).prepare(Window(frames, 0, 0, info))
    assert sum(counted) == FRAMES, "the second run computed them anew"
    assert (first == again).all()
    moved = replace(info, landmarks=LANDMARKS + 1)
    metric(IDS).prepare(Window(frames, 0, 0, moved))
    assert sum(counted) == 2 * FRAMES, "other landmarks, same embeddings"


def test_a_clip_without_points_needs_the_detector_and_says_so() -> None:
    bare = replace(INFO, landmarks=None)
    assert metric(IDS).unfit(INFO) == ""
    assert "vfsrbench weights fetch retinaface_r50" in metric(IDS).unfit(bare)
    assert "vfsrbench weights fetch retinaface_r50" in metric("akd_2d106").unfit(bare)


@pytest.mark.slow
def test_points_are_found_once_on_the_ground_truth_and_used_for_both() -> None:
    chosen = plugins.build_metric(plugins.choose_metric(IDS))
    detector = weights_file("retinaface_r50")
    chosen.load({"recognizer": weights_file("w600k_r50"), "detector": detector}, CPU)
    bare = replace(INFO, landmarks=None)
    assert chosen.unfit(bare) == ""
    truth = MOVING(2)
    restored = clips.noisy(truth, 0.5)
    found = plain_scripts.found_alone(truth)
    want = scores(metric(IDS), restored, truth, 2, replace(INFO, landmarks=found))
    assert np.isfinite(want).all()
    assert scores(chosen, restored, truth, 2, bare) == pytest.approx(want, abs=1e-4)


def test_both_pictures_are_cut_out_by_the_ground_truths_points() -> None:
    """A restored picture that is shifted against the truth is not aligned back to it."""
    truth = MOVING(2)
    shifted = np.roll(truth, 9, axis=2)
    values = scores(metric(IDS), shifted, truth, 2, INFO)
    assert (values < 0.99).all()


def test_identity_to_the_input_is_for_clips_whose_input_stands_for_the_truth() -> None:
    card = plugins.metrics()["idlq_adaface_ir50"].card
    info = TruthInfo("clip", "", 3)
    assert unfit(card, info) == unfit(card, replace(info, reference=False)) == NO_INPUT
    assert unfit(card, replace(info, reference=False, is_input=True)) == ""
    assert not card.reference and card.gameable


def test_the_input_of_a_clip_without_ground_truth_is_what_metrics_get(tmp_path: Path) -> None:
    boards.write_clip(tmp_path / "one", boards.moving(2, 24, 0))
    (clip,) = open_dataset("real", tmp_path, scale=2).clips()
    frames, info = gt_side(clip, gt_facts(clip, "d", False))
    assert (info.reference, info.is_input, frames.height) == (False, True, 48)
    (clip,) = open_dataset("folder", tmp_path).clips()
    assert gt_side(clip, gt_facts(clip, "d", False))[1].is_input is False
