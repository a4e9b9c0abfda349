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
    if frames.device.type == "cpu":
        return _frame_by_frame(frames)
    pixels: NDArray[np.uint8] = _levels(frames).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels


def _frame_by_frame(frames: Tensor) -> NDArray[np.uint8]:
    """On the CPU, where a frame stays in the processor's cache from step to step."""
    import cv2

    pixels = np.empty((len(frames), *frames.shape[2:], 3), np.uint8)
    for frame, into in zip(frames, pixels, strict=True):
        levels = _levels(frame)
        if levels.stride(0) == 1:  # channels last already
            into[:] = levels.permute(1, 2, 0).numpy()
        else:
            cv2.merge([plane.numpy() for plane in levels], into)
    return pixels


def _levels(values: Tensor) -> Tensor:
    """0 to 255, in the shape and the order of memory that the values have."""
    import torch

    return values.detach().to(torch.float32).clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
