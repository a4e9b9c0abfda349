"""Frames in the form that OpenCV and PyAV expect, and back."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Picture = NDArray[np.float32]


def each_picture(frames: Tensor, change: Callable[[Picture], Picture]) -> Tensor:
    """Every frame of (n, 3, h, w) changed as a float32 picture (h, w, 3) in [0, 1]."""
    pictures = frames.permute(0, 2, 3, 1).float().cpu().numpy()
    changed = np.stack([change(np.ascontiguousarray(picture)) for picture in pictures])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).to(frames)


def gaussian_blur(picture: Picture, sigma: float, into: Picture | None = None) -> Picture:
    """Gaussian of `sigma` pixels, cut at four of them, the picture mirrored at its border. `into`: an array
    of the picture's shape for the result, another one than the picture."""
    reach = int(4 * sigma + 0.5)
    side = 2 * reach + 1
    blurred = cv2.GaussianBlur(picture, (side, side), sigma, into, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.float32)
