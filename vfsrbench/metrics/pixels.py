"""What every metric on pixels needs: frames that can be compared, and their luma."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.metric import Frames, Window

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Space = Literal["rgb", "y"]
Picture = NDArray[np.uint8] | NDArray[np.float64]

# BT.601, limited range: Y = 16 + 65.481 R + 128.553 G + 24.966 B for R, G, B in [0, 1]
_LUMA = (65.481, 128.553, 24.966)
_BLACK = 16.0


def row_bands(rows: int, step: int) -> list[slice]:
    """Rows, `step` at a time: so many that the processor's cache holds what is made of them."""
    return [slice(top, min(top + step, rows)) for top in range(0, rows, step)]


def check_frames(window: Window) -> None:
    """InputError unless the window holds uint8 RGB frames: numbers that are not finite cannot get in."""
    frames = window.frames
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        raise InputError(
            f"clip {window.truth.name!r}: frames must be uint8 RGB (T, H, W, 3), got {frames.dtype} "
            f"{frames.shape}; check for NaN, clip to [0, 1] and round to 8 bits first"
        )


def check_pair(restored: Window, gt: Window) -> None:
    """InputError unless both windows hold uint8 RGB frames of one size and the same frame numbers."""
    check_frames(restored)
    check_frames(gt)
    ours, theirs = restored.frames.shape, gt.frames.shape
    if ours[1:] != theirs[1:]:
        raise InputError(
            f"clip {gt.truth.name!r}: restored frames are {ours[2]}x{ours[1]}, the ground truth is "
            f"{theirs[2]}x{theirs[1]}; nothing is resized before it is scored"
        )
    if (restored.start, restored.lead, len(restored.frames)) != (gt.start, gt.lead, len(gt.frames)):
        raise InputError(
            f"clip {gt.truth.name!r}: restored frames {restored.start}..{restored.start + ours[0] - 1} "
            f"are held against ground-truth frames {gt.start}..{gt.start + theirs[0] - 1}"
        )


def check_size(window: Window, least: int, metric: str) -> None:
    """InputError when the frames are smaller than the metric's window of `least` pixels."""
    height, width = window.frames.shape[1:3]
    if min(height, width) < least:
        raise InputError(
            f"clip {window.truth.name!r}: {metric} needs frames of at least {least}x{least} pixels, "
            f"these are {width}x{height}"
        )


def scored_frames(window: Window) -> Frames:
    """The frames that this window scores, without those that are only context."""
    return window.frames[window.lead :]


def in_space(frame: Frames, space: str) -> Picture:
    """A uint8 RGB picture (..., 3) as it is ("rgb"), or its luma (...) on the 0..255 scale ("y")."""
    if space == "rgb":
        return frame
    if space == "y":
        return luma(frame)
    raise ValueError(f"colour space {space!r} is not one of 'rgb', 'y'")


def luma(frame: Frames) -> NDArray[np.float64]:
    """BT.601 limited-range luma of uint8 RGB (..., 3), 16..235, not rounded to 8 bits.

    BasicSR (and MATLAB-style scripts before it) keep the picture in float32 between the steps; the same
    three roundings are made here, so that the figures agree to the last digit.
    """
    red, green, blue = _tables()
    total = blue[frame[..., 2]] + green[frame[..., 1]] + red[frame[..., 0]] + _BLACK
    single = (total / 255.0).astype(np.float32) * np.float32(255.0)
    return single.astype(np.float64)


@lru_cache(maxsize=1)
def _tables() -> tuple[NDArray[np.float64], ...]:
    levels = np.arange(256, dtype=np.float32) / np.float32(255.0)
    return tuple(levels.astype(np.float64) * weight for weight in _LUMA)


def pictures_of(window: Window, device: torch.device, frames: list[int]) -> Tensor:
    """The pictures of these frames of a window, (n, 3, H, W) in [0, 1]; neither list nor order goes to the
    device, which would make the host wait for it."""
    import torch

    images = window.tensor(device)
    numbers = [frame - window.start for frame in frames]
    if numbers and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return images[numbers[0] : numbers[-1] + 1]
    return torch.stack([images[number] for number in numbers]) if numbers else images[:0]
