"""What callers of the public API may give as a clip, turned into a `Clip`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.io.clip import DEFAULT_FPS, Clip
from vfsrbench.io.images.folder import PictureSource

if TYPE_CHECKING:
    import torch

FORMS = (
    "a Clip, a path, a list of pictures' paths, a uint8 array (T, H, W, 3) or a float tensor (T, 3, H, W) "
    "in [0, 1]"
)


def as_clip(value: Any, argument: str, name: str | None = None, fps: float | None = None) -> Clip:
    """The clip that an argument stands for.

    Args:
        value: A `Clip`; the path of a folder of pictures or of a video; a list of pictures' paths; an array
            of frames, uint8 RGB (T, H, W, 3); or a floating-point tensor (T, 3, H, W), RGB in [0, 1], which
            is rounded to 8 bits half to even, as the harness rounds what a method gives.
        argument: The argument's name, for messages.
        name: The clip's name. Default: the path's, or else `argument`.
        fps: Frames a second. Default: the video's own, or 25.

    Returns:
        The clip. A `Clip` comes back as it is, unless `name` or `fps` ask for another.

    Raises:
        InputError: The value is none of these, its shape, type or range is wrong, or files cannot be read.
    """
    if isinstance(value, Clip):
        return value if name is None and fps is None else value.renamed(name or value.name, fps or value.fps)
    if isinstance(value, str | os.PathLike):
        return Clip.open(Path(value), name, fps)
    if isinstance(value, np.ndarray):
        return Clip.from_array(_frames(value, argument), name or argument, fps or DEFAULT_FPS)
    torch = sys.modules.get("torch")  # a tensor can only come from a torch that is imported
    if torch is not None and isinstance(value, torch.Tensor):
        return Clip.from_array(_rounded(value, argument), name or argument, fps or DEFAULT_FPS)
    if isinstance(value, list | tuple) and value and all(isinstance(v, str | os.PathLike) for v in value):
        return Clip(PictureSource([Path(v) for v in value]), name or argument, fps or DEFAULT_FPS)
    raise InputError(f"{argument}: a clip is {FORMS}; got {_kind(value)}")


def check_same(restored: Clip, gt: Clip) -> None:
    """InputError unless both clips have the same number of frames, of the same size."""
    if len(restored) != len(gt):
        raise InputError(
            f"restored has {len(restored)} frames, gt has {len(gt)}; give the same frames of both"
        )
    if (restored.height, restored.width) != (gt.height, gt.width):
        raise InputError(
            f"restored is {restored.width}x{restored.height}, gt is {gt.width}x{gt.height}; "
            "frames are compared pixel by pixel, so they must have one size"
        )


def _frames(value: NDArray[Any], argument: str) -> NDArray[np.uint8]:
    if value.ndim != 4 or value.shape[-1] != 3 or not value.size:
        raise InputError(f"{argument}: an array of frames is (T, H, W, 3) with T >= 1, got {value.shape}")
    if value.dtype != np.uint8:
        raise InputError(
            f"{argument}: an array of frames is uint8 RGB, got {value.dtype}; round it to 0 ... 255, or give "
            "a floating-point tensor (T, 3, H, W) in [0, 1]"
        )
    return value


def _rounded(value: torch.Tensor, argument: str) -> NDArray[np.uint8]:
    import torch

    if value.ndim != 4 or value.shape[1] != 3 or not value.numel():
        raise InputError(
            f"{argument}: a tensor of frames is (T, 3, H, W) with T >= 1, got {tuple(value.shape)}"
        )
    if not value.is_floating_point():
        raise InputError(
            f"{argument}: a tensor of frames is floating-point in [0, 1], got {value.dtype}; "
            "give 8-bit frames as a numpy array (T, H, W, 3)"
        )
    frames = value.detach().to(torch.float32)
    low, high = (float(v) for v in torch.aminmax(frames))
    if not (low >= 0.0 and high <= 1.0):  # false for NaN, too
        raise InputError(
            f"{argument}: values must lie in [0, 1], got {low:.4g} to {high:.4g}; "
            "scale and clamp the frames first"
        )
    pixels = frames.mul(255.0).round_().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple):
        inside = ", ".join(sorted({type(v).__name__ for v in value})) or "nothing"
        return f"a {type(value).__name__} of {inside}"
    return type(value).__name__
