"""What the official command-line tools do around their networks, for faces that are already aligned.

Everything works on whole batches on the frames' device; frames are (t, 3, h, w), RGB in [0, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from degradations.errors import InputError

GREY_LIMIT = 10  # levels squared
LUMA = (0.2989, 0.5870, 0.1140)


def to_levels(frames: Tensor) -> Tensor:
    """Clamped to [0, 1] and rounded (half to even) to whole grey levels 0..255, as float."""
    return frames.float().clamp(0, 1).mul(255).round_()


def resize_faces(frames: Tensor, size: int = 512) -> Tensor:
    """Frames resized to size x size as OpenCV resizes uint8 pictures (INTER_LINEAR), whatever their
    shape was; frames of that size pass unchanged but for rounding to grey levels."""
    if frames.ndim != 4 or frames.shape[1] != 3 or frames.numel() == 0:
        raise InputError(f"frames (t, 3, h, w) are expected, at least one, got {list(frames.shape)}")
    levels = to_levels(frames)
    if frames.shape[-2:] != (size, size):
        import cv2
        import numpy as np

        pictures = levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        resized = np.stack([cv2.resize(p, (size, size), interpolation=cv2.INTER_LINEAR) for p in pictures])
        levels = torch.from_numpy(resized).to(frames.device).permute(0, 3, 1, 2).float()
    return (levels / 255).contiguous()


def fit_result(frames: Tensor, height: int, width: int) -> Tensor:
    """Results brought to the size that is asked for (bilinear, antialiased); unchanged if it is theirs."""
    if frames.shape[-2:] == (height, width):
        return frames
    return F.interpolate(frames, (height, width), mode="bilinear", align_corners=False, antialias=True)


def is_grey(frames: Tensor) -> Tensor:
    """Which frames the tools take for grey: (t,) bool.

    The variance over all pixels of the difference of two channels, averaged over the three pairs, is
    at most 10 squared levels. In whole numbers, so that every device agrees.
    """
    r, g, b = to_levels(frames).to(torch.int64).flatten(2).unbind(1)
    count = r.shape[1]
    spread = torch.zeros_like(r[:, 0])
    for difference in (r - g, g - b, b - r):
        spread += count * difference.square().sum(1) - difference.sum(1).square()
    return spread <= 3 * GREY_LIMIT * count**2


def to_grey(frames: Tensor) -> Tensor:
    """Luma on all three channels."""
    r, g, b = frames.split(1, dim=1)
    return (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b).expand_as(frames)


def transfer_colour(content: Tensor, style: Tensor) -> Tensor:
    """`content` with the mean and spread of each of `style`'s channels; spread = sqrt(population
    variance in squared levels + 1e-5)."""

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(x * 255, dim=(2, 3), keepdim=True, correction=0)
        return (variance + 1e-5).sqrt() / 255, mean / 255

    content_std, content_mean = statistics(content)
    style_std, style_mean = statistics(style)
    return (content - content_mean) / content_std * style_std + style_mean
