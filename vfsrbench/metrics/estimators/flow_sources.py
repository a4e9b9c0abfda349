"""Where optical flow comes from: DIS (OpenCV, no weights), RAFT, or the exact motion of rendered clips.

A flow field is float32 (2, H, W) in pixels, x then y; `flow(a, b)` says where a's pixel is found in b.
Every field is computed once for a window, whichever metric asks first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import did_you_mean
from vfsrbench.metric import FlowField, Frames, Window
from vfsrbench.metrics.estimators.flow import Flow, FlowSource, Pair
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch

_DIS_LEAST = 32


class DisFlow:
    """Dense inverse search (Kroeger et al., ECCV 2016) as OpenCV ships it, preset medium, on 8-bit grey.

    Deterministic for one build of OpenCV; another build may differ in the last digits of a vector.
    """

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        return [window.memo(("dis", pair), partial(self._flow, window, *pair)) for pair in pairs]

    def _flow(self, window: Window, a: int, b: int) -> Flow:
        first, second = (window.frames[frame - window.start] for frame in (a, b))
        return Flow(dis_flow(first, second))


def dis_flow(first: Frames, second: Frames) -> NDArray[np.float32]:
    """DIS flow (2, H, W) from one uint8 RGB frame (H, W, 3) to another; see `DisFlow`.

    Sides under 32 pixels are padded by repeating the border, and the flow is cut back.
    """
    height, width = first.shape[:2]
    # OpenCV 5.0 reads beyond its memory for low, wide pictures (24x100, say)
    room = [(0, max(0, _DIS_LEAST - height)), (0, max(0, _DIS_LEAST - width))]
    a, b = (np.pad(_grey(frame), room, mode="edge") for frame in (first, second))
    # a fresh object: nothing of an earlier pair can leak into this one
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    field = search.calc(a, b, np.zeros((*a.shape, 2), np.float32))
    return np.ascontiguousarray(field[:height, :width].transpose(2, 0, 1))


class ExactFlow:
    """The motion that a rendered clip was made with."""

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        exact = window.truth.exact_flow
        if exact is None:
            raise ValueError(f"clip {window.truth.name!r} has no exact flow")
        return [window.memo(("exact", pair), partial(_exact, exact, pair)) for pair in pairs]


def flow_source(
    name: str, weights: Mapping[str, Path], device: torch.device | None, profile: Profile
) -> FlowSource:
    """The flow source that a card names under `params.flow`; a network's file has the role `flow`."""
    if name == "dis":
        return DisFlow()
    if name == "exact":
        return ExactFlow()
    if name == "raft":
        from vfsrbench.metrics.estimators.raft import RaftFlow

        assert device is not None
        return RaftFlow(weights["flow"], device, profile)
    raise did_you_mean("flow source", name, ("dis", "exact", "raft"))


def _exact(field: FlowField, pair: Pair) -> Flow:
    return Flow(*field(*pair))


def _grey(frame: Frames) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
