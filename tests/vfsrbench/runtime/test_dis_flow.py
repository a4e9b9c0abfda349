"""DIS flow's start is chosen by its distance to the exact flow of the demo clips."""

from __future__ import annotations

import cv2
import numpy as np

from vfsrbench.datasets.demo.clips import DemoFlow, demo_clip
from vfsrbench.runtime.dis_flow import dis_flow


def _plain(first: np.ndarray, second: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    a, b = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, second))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(a, b, start)).transpose(2, 0, 1)


def test_a_start_from_zeros_is_at_least_as_exact_as_none() -> None:
    ours, ordinary = [], []
    for name in ("demo-calm", "demo-talking", "hopper-talking"):
        frames = demo_clip(name, 4).array()
        for a, b in ((0, 1), (1, 2), (2, 1)):
            exact, seen = DemoFlow(name)(a, b)
            found = dis_flow(frames[a], frames[b])
            zeros = np.zeros((*frames[a].shape[:2], 2), np.float32)
            assert (found == _plain(frames[a], frames[b], zeros)).all()
            for errors, flow in ((ours, found), (ordinary, _plain(frames[a], frames[b], None))):
                errors.append(np.linalg.norm(flow - exact, axis=0)[seen].mean())
    assert np.mean(ours) < np.mean(ordinary) < 1.1 * np.mean(ours)
