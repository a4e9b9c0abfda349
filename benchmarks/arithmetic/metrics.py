"""A metric's work a frame: the ground truth's side, done once, and that of each restored clip.

Metrics take frames as arrays, so they are run on the CPU, with untrained weights, on frames of noise over a
ramp. What they do outside PyTorch (OpenCV, numpy, dlib, ONNX Runtime) is not counted."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from benchmarks.arithmetic.counting import Work, counted
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.metric import Frames, Metric, SplitMetric, TruthInfo, Window

FRAMES, SIZE = 2, 512
CLIP = 100
"""Frames of a clip for a metric that looks at a fixed number of them, however long the clip is."""
FACE = ((0.38, 0.45), (0.62, 0.45), (0.5, 0.6), (0.4, 0.75), (0.6, 0.75))
"""Eyes, nose tip, mouth corners, in parts of the picture."""


@dataclass(frozen=True)
class MetricWork:
    """For `frames` frames: of the ground truth, once for all methods, and of one restored clip."""

    frames: int
    gt: Work
    restored: Work

    def gflop(self) -> tuple[float, float]:
        """A frame: the ground truth's, a restored clip's."""
        return self.gt.flop / self.frames / 1e9, self.restored.flop / self.frames / 1e9


def work_of(metric_id: str, frames: int = FRAMES, size: int = SIZE) -> MetricWork:
    """Count one metric."""
    chosen = metric(metric_id)
    total, own = max(frames, chosen.card.min_frames), 0
    if metric_id.startswith("dover"):  # remembers what it said of pictures, for the others of its kind
        total, own = CLIP, zlib.crc32(metric_id.encode())
    pictures = [_pictures(total, size, own + seed) for seed in (0, 1)]
    landmarks = np.broadcast_to(np.array(FACE) * size, (total, 5, 2)).copy()
    info = TruthInfo("clip", "", total, landmarks=landmarks)
    gt, restored = (Window(p, 0, 0, info) for p in pictures)
    with counted() as of_gt:
        state = chosen.prepare(gt)
        if isinstance(chosen, SplitMetric):
            chosen.features(gt)
    with counted() as of_restored:
        _score(chosen, restored, gt, state)
    return MetricWork(total, of_gt, of_restored)


def _score(chosen: Metric, restored: Window, gt: Window, state: object) -> None:
    if isinstance(chosen, SplitMetric):
        chosen.features(restored)
        return
    values = chosen.score(restored, gt, state)
    if values.dtype.names:  # its networks look at the pictures that it kept of a whole clip
        chosen.finish(values)


def _pictures(frames: int, size: int, seed: int) -> Frames:
    ramp = np.linspace(40, 200, size)[None, :, None, None] + np.zeros((frames, 1, size, 3))
    noise = np.random.default_rng(seed).normal(0, 12, (frames, size, size, 3))
    return np.clip(ramp + noise, 0, 255).astype(np.uint8)
