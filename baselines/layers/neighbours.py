"""The frames around each frame of a clip, for networks that restore every frame from its own window."""

from __future__ import annotations

import torch
from torch import Tensor


def neighbours(count: int, length: int, keep: int, device: torch.device | None = None) -> Tensor:
    """Indices (count, length) of the frames of each frame's window, in which it stands at place `keep`; in
    place of frames beyond the clip's ends stand the first and the last one.

    Example:
        >>> neighbours(4, length=3, keep=1).tolist()
        [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    """
    time, offset = (torch.arange(n, device=device) for n in (count, length))
    return (time[:, None] + offset - keep).clamp(0, count - 1)
