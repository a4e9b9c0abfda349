"""Identity by dlib's trained networks on every demo clip: falls with the level, knows order in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.metrics.dlib_references import enlarged, lacking
from vfsrbench import plugins
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.io.clip import Clip
from vfsrbench.io.video.writer import write_video
from vfsrbench.metric import TruthInfo
from vfsrbench.scoring.scorer import Scorer

FRAMES = 4
SAME_PERSON = 0.6  # dlib's own bound
SEES_NO_ORDER = ("demo-calm", "demo-talking")
LEVELS = ("vfhq-mild", "vfhq-medium", "vfhq-heavy")
OTHERS = ("demo-calm", "demo-talking", "demo-fast", "hopper-fast")


@pytest.mark.parametrize(
    "name", ["hopper-talking", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_identity_falls_from_the_ground_truth_to_heavy(name: str, tmp_path: Path) -> None:
    if lacking():
        pytest.skip(lacking())
    gt = demo_clip(name, FRAMES)
    write_video(tmp_path / "h264.mp4", gt.frames(), gt.fps, "h264")
    versions = [gt, Clip.open(tmp_path / "h264.mp4"), *(enlarged(level, gt) for level in LEVELS)]
    scorer = Scorer(("idd_dlib",), plugins.metrics(), torch.device("cpu"))
    info = TruthInfo(name, gt.digest(), FRAMES, gt.fps, demo_landmarks(name, FRAMES))
    found, _ = scorer.score(gt, info, versions)
    means = [float(one.values["idd_dlib"].mean()) for one in found]
    assert means[0] == 0.0 and (np.diff(means) > 0).all(), means
    assert means[1] < 0.2, means
    assert found[2].values["idd_dlib"].max() < SAME_PERSON, "nearer than another person, in every frame"


@pytest.mark.parametrize(
    "name", ["hopper-talking", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
)
def test_frames_in_another_order_raise_sigma_and_leave_the_mean(name: str) -> None:
    """The restored clip's frames are shuffled, the ground truth's are not.

    The spread of the landmarks' distance rises on every clip. That of the identity rises where the face moves
    enough; where it hardly does, dlib's embedding does not see the order (`SEES_NO_ORDER`). The identity's
    mean stays: it moves by less than levels of degradation lie apart.
    """
    if lacking():
        pytest.skip(lacking())
    count = 12
    gt = demo_clip(name, count)
    restored = enlarged("vfhq-mild", gt)
    order = np.random.default_rng(0).permutation(count)
    shuffled = Clip.from_array(restored.array()[order], name, gt.fps)
    ids = ("idd_dlib", "sigma_idd_dlib", "akd_dlib68", "sigma_akd_dlib68")
    scorer = Scorer(ids, plugins.metrics(), torch.device("cpu"))
    info = TruthInfo(name, gt.digest(), count, gt.fps, demo_landmarks(name, count))
    (before, after), _ = scorer.score(gt, info, [restored, shuffled])
    assert after.clip_values["sigma_akd_dlib68"] > 1.1 * before.clip_values["sigma_akd_dlib68"]
    if name not in SEES_NO_ORDER:
        assert after.clip_values["sigma_idd_dlib"] > 1.2 * before.clip_values["sigma_idd_dlib"]
    assert abs(after.clip_values["idd_dlib"] - before.clip_values["idd_dlib"]) < 0.045
