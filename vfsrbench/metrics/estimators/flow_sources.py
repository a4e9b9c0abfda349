"""Where optical flow comes from: DIS (OpenCV, no weights), RAFT, or the exact motion of rendered clips.

A flow field is float32 (2, H, W) in pixels, x then y; `flow(a, b)` says where a's pixel is found in b.
Every field is computed once for a window, whichever metric asks first.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.errors import did_you_mean
from vfsrbench.metric import FlowField, Window
from vfsrbench.metrics.estimators.flow import Flow, FlowSource, Pair
from vfsrbench.runtime.dis_flow import dis_flow
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch


class DisFlow:
    """Dense inverse search, see `vfsrbench.runtime.dis_flow`."""

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        return [window.memo(("dis", pair), partial(self._flow, window, *pair)) for pair in pairs]

    def _flow(self, window: Window, a: int, b: int) -> Flow:
        first, second = (window.frames[frame - window.start] for frame in (a, b))
        return Flow(dis_flow(first, second))


class ExactFlow:
    """The motion that a rendered clip was made with."""

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]:
        exact = window.truth.exact_flow
        if exact is None:
            raise ValueError(f"clip {window.truth.name!r} has no exact flow")
        return [window.memo(("exact", pair), partial(_exact, exact, pair)) for pair in pairs]


def flow_source(name: str, weights: Mapping[str, Path], device: torch.device, profile: Profile) -> FlowSource:
    """The flow source that a card names under `params.flow`; a network's file has the role `flow`."""
    if name == "dis":
        return DisFlow()
    if name == "exact":
        return ExactFlow()
    if name == "raft":
        from vfsrbench.metrics.estimators.raft import RaftFlow

        return RaftFlow(weights["flow"], device, profile)
    raise did_you_mean("flow source", name, ("dis", "exact", "raft"))


def _exact(field: FlowField, pair: Pair) -> Flow:
    return Flow(*field(*pair))
