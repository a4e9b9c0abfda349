"""Identity and landmarks by dlib, trained: against dlib called plainly, and on the demo's two people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from degradations.recipe import load_recipe
from vfsrbench import plugins
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.io.clip import Clip
from vfsrbench.metric import TruthInfo
from vfsrbench.metrics.estimators.face_landmarks import DlibFinder
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.weights.resolve import Weights, resolve_weights

dlib = pytest.importorskip("dlib", reason="needs dlib: pip install 'vfsrbench[identity]'")
CPU = torch.device("cpu")
FRAMES = 3
METRICS = ("idd_dlib", "ids_dlib", "akd_dlib68", "idd_detected_dlib", "sigma_idd_dlib")


@pytest.fixture(scope="module")
def weights() -> Weights:
    found = resolve_weights(plugins.metrics()["idd_dlib"].card.weights)
    if found.missing or found.untrained:
        pytest.skip(f"needs dlib's files: {found.missing}")
    return found


@pytest.fixture(scope="module")
def gt() -> Clip:
    return demo_clip("demo-talking", FRAMES)


@pytest.fixture(scope="module")
def levels(gt: Clip) -> dict[str, Clip]:
    """The ground truth, and bicubic enlargements from mild to heavy."""
    import cv2

    made = {"gt": gt}
    for name in ("vfhq-mild", "vfhq-heavy"):
        lq = load_recipe(name).apply(gt.frames(), gt.name, 0, gt.fps).frames
        large = np.stack([cv2.resize(f, (gt.width, gt.height), interpolation=cv2.INTER_CUBIC) for f in lq])
        made[name] = Clip.from_array(large, gt.name, gt.fps)
    return made


@pytest.fixture(scope="module")
def scores(weights: Weights, gt: Clip, levels: dict[str, Clip]) -> dict[str, dict[str, np.ndarray]]:
    scorer = Scorer(METRICS, plugins.metrics(), CPU)
    info = TruthInfo(gt.name, gt.digest(), len(gt), gt.fps, demo_landmarks(gt.name, FRAMES))
    found, _ = scorer.score(gt, info, list(levels.values()))
    assert not any(one.unavailable for one in found)
    return {name: {m: one.values[m] for m in METRICS[:4]} for name, one in zip(levels, found, strict=True)}


def plain_shape(picture: np.ndarray, points: np.ndarray, weights: Weights):
    """The landmarks in the box of the card's definition, by dlib alone."""
    eyes = float(np.linalg.norm(points[1] - points[0]))
    centre = points.mean(axis=0) + np.array([0.0, 0.08 * eyes])
    left, top = np.rint(centre - 1.05 * eyes).astype(int)
    right, bottom = np.rint(centre + 1.05 * eyes).astype(int)
    predict = dlib.shape_predictor(str(weights.paths["points"]))
    return predict(picture, dlib.rectangle(int(left), int(top), int(right), int(bottom)))


def test_values_are_those_of_dlib_called_plainly(
    weights: Weights, gt: Clip, levels: dict[str, Clip], scores: dict[str, dict[str, np.ndarray]]
) -> None:
    network = dlib.face_recognition_model_v1(str(weights.paths["recognizer"]))
    points = demo_landmarks(gt.name, FRAMES)
    restored = levels["vfhq-mild"]
    shape = plain_shape(gt[1], points[1], weights)
    own, theirs = (np.array(network.compute_face_descriptor(clip[1], shape)) for clip in (restored, gt))
    assert scores["vfhq-mild"]["idd_dlib"][1] == pytest.approx(np.linalg.norm(own - theirs), abs=1e-5)
    cosine = own @ theirs / np.linalg.norm(own) / np.linalg.norm(theirs)
    assert scores["vfhq-mild"]["ids_dlib"][1] == pytest.approx(cosine, abs=1e-5)
    there = plain_shape(restored[1], points[1], weights)
    apart = [np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(shape.parts(), there.parts(), strict=True)]
    assert scores["vfhq-mild"]["akd_dlib68"][1] == pytest.approx(np.mean(apart), abs=1e-9)


def test_identity_and_landmarks_fall_with_the_level(scores: dict[str, dict[str, np.ndarray]]) -> None:
    for metric in ("idd_dlib", "akd_dlib68", "idd_detected_dlib"):
        same, mild, heavy = (scores[name][metric].mean() for name in ("gt", "vfhq-mild", "vfhq-heavy"))
        assert same == 0.0 < mild < heavy, metric
    assert scores["vfhq-mild"]["idd_dlib"].max() < 0.6  # still the same person, by dlib's own bound


def test_two_people_are_farther_apart_than_a_mild_restoration(
    weights: Weights, scores: dict[str, dict[str, np.ndarray]]
) -> None:
    scorer = Scorer(("idd_dlib",), plugins.metrics(), CPU)
    first, second = demo_clip("demo-talking", 1), demo_clip("hopper-talking", 1)
    info = TruthInfo("pair", first.digest(), 1, 25.0, demo_landmarks("demo-talking", 1))
    (found,), _ = scorer.score(first, info, [second])
    assert found.values["idd_dlib"][0] > 0.6 > scores["vfhq-mild"]["idd_dlib"].max()


@pytest.mark.parametrize("name", ["demo-talking", "hopper-talking"])
def test_five_points_lie_near_the_exact_ones(weights: Weights, name: str) -> None:
    clip = demo_clip(name, 1)
    found = DlibFinder(weights.paths["points"], "").find(clip.read(0, 1))
    distance = np.linalg.norm(found[0] - demo_landmarks(name, 1)[0], axis=1)
    # nose tips and mouth corners were read off small photographs: they are less certain than pupils
    assert distance[:2].max() < 4.0 and distance.max() < 16.0, distance


def test_a_frame_without_a_face_has_no_value(weights: Weights) -> None:
    blank = Clip.from_array(np.full((1, 256, 256, 3), 90, np.uint8), "blank")
    scorer = Scorer(("idd_detected_dlib",), plugins.metrics(), CPU)
    (found,), _ = scorer.score(blank, TruthInfo("blank", blank.digest(), 1), [blank])
    assert np.isnan(found.values["idd_detected_dlib"]).all() and found.missing == {"idd_detected_dlib": 1}


def test_a_wrong_file_is_one_line(tmp_path: Path) -> None:
    from vfsrbench.errors import InputError
    from vfsrbench.faces.networks.dlib_faces import DlibLandmarks

    (tmp_path / "x.dat").write_bytes(b"not dlib's")
    with pytest.raises(InputError, match=r"x\.dat: is no such file of dlib"):
        DlibLandmarks(tmp_path / "x.dat")
