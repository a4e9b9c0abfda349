"""Identity by dlib falls from the ground truth through H.264 to heavy degradation, on every demo clip."""

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
    assert means[1] < 0.2 and means[2] < 0.6, means  # H.264 and mild: the same person
