"""What an optical flow field is, and the interface of what estimates one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vfsrbench.metric import Window

Pair = tuple[int, int]


@dataclass(frozen=True)
class Flow:
    """Vectors (2, H, W) in pixels, and where they are known (H, W); None: everywhere."""

    vectors: NDArray[np.float32]
    valid: NDArray[np.bool_] | None = None


class FlowSource(Protocol):
    """Something that gives the flow between frames of a window, named by their numbers in the clip."""

    def flows(self, window: Window, pairs: list[Pair]) -> list[Flow]: ...


def pairs_of(window: Window) -> list[Pair]:
    """(t - 1, t) for every scored frame t but the clip's first. The window must hold frame t - 1."""
    scored = [t for t in window.scored if t > 0]
    if scored and scored[0] - 1 < window.start:
        raise ValueError(f"frame {scored[0]} needs the frame before it, the window starts at {window.start}")
    return [(t - 1, t) for t in scored]
