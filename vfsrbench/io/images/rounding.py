"""From a network's values to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


def to_uint8(frames: Tensor) -> NDArray[np.uint8]:
    """Frames of a network as pixels: clamped to [0, 1], times 255 in float32, rounded half to even.

    Args:
        frames: (T, 3, H, W), floating-point, RGB, on any device.

    Returns:
        uint8 RGB, (T, H, W, 3).
    """
    import torch

    pixels = frames.detach().to(torch.float32).clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
    done: NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return done
