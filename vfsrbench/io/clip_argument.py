"""What callers of the public API may give as a clip, or as several, turned into `Clip`s."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError, counted
from vfsrbench.io.clip import DEFAULT_FPS, Clip
from vfsrbench.io.formats import PICTURE_SUFFIXES
from vfsrbench.io.images.folder import PictureSource
from vfsrbench.io.rounding import to_uint8

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
    if isinstance(value, np.ndarray):
        return Clip.from_array(_checked_array(value, argument), name or argument, fps or DEFAULT_FPS)
    torch = sys.modules.get("torch")  # a tensor can only come from a torch that is imported
    if torch is not None and isinstance(value, torch.Tensor):
        frames = to_uint8(_checked_tensor(value, argument))
        return Clip.from_array(frames, name or argument, fps or DEFAULT_FPS)
    try:
        if isinstance(value, str | os.PathLike):
            return Clip.open(Path(value), name, fps)
        if _are_paths(value):
            source = PictureSource([Path(path) for path in value])
            return Clip(source, name or argument, fps or DEFAULT_FPS)
    except InputError as error:
        raise InputError(f"{argument}: {error}") from None
    raise InputError(f"{argument}: a clip is {FORMS}; got {_kind(value)}")


def as_clips(value: Any, argument: str) -> list[Clip] | None:
    """The clips of a list.

    Args:
        value: A list or tuple of clips, each in a form that `as_clip` takes.
        argument: The argument's name, for messages.

    Returns:
        A clip for each entry; None where the value stands for one clip: it is no list, or a list of
        pictures' paths.

    Raises:
        InputError: An entry is no clip; the message names it, as in `gt[2]`.
    """
    if not isinstance(value, list | tuple) or not value:
        return None
    if _are_paths(value) and any(Path(path).suffix.lower() in PICTURE_SUFFIXES for path in value):
        return None
    return [as_clip(one, f"{argument}[{number}]") for number, one in enumerate(value)]


def check_same(restored: Clip, gt: Clip) -> None:
    """InputError, with both numbers, unless the clips have the same number of frames, of the same size."""
    if len(restored) != len(gt):
        raise InputError(
            f"restored has {counted(len(restored), 'frame')}, gt has {len(gt)}; give the same frames of both"
        )
    if (restored.height, restored.width) != (gt.height, gt.width):
        raise InputError(
            f"restored is {restored.width}x{restored.height}, gt is {gt.width}x{gt.height}; "
            "frames are compared pixel by pixel, so they must have one size"
        )


def _checked_array(value: NDArray[Any], argument: str) -> NDArray[np.uint8]:
    if value.ndim != 4 or value.shape[-1] != 3 or not value.size:
        raise InputError(
            f"{argument}: an array of frames is (T, H, W, 3) with T >= 1, got {value.shape}"
            + _hint(value.shape, last=True)
        )
    if value.dtype != np.uint8:
        raise InputError(
            f"{argument}: an array of frames is uint8 RGB, got {value.dtype}; round it to 0 ... 255, or give "
            "a floating-point tensor (T, 3, H, W) in [0, 1]"
        )
    return value


def _checked_tensor(value: torch.Tensor, argument: str) -> torch.Tensor:
    import torch

    if value.ndim != 4 or value.shape[1] != 3 or not value.numel():
        raise InputError(
            f"{argument}: a tensor of frames is (T, 3, H, W) with T >= 1, got {tuple(value.shape)}"
            + _hint(tuple(value.shape), last=False)
        )
    if not value.is_floating_point():
        raise InputError(
            f"{argument}: a tensor of frames is floating-point in [0, 1], got {value.dtype}; "
            "give 8-bit frames as a numpy array (T, H, W, 3)"
        )
    low, high = (float(bound) for bound in torch.aminmax(value.detach()))
    if not (low >= 0.0 and high <= 1.0):  # false for NaN, too
        found = "NaN" if low != low else f"{low:.4g} to {high:.4g}"
        raise InputError(
            f"{argument}: values must lie in [0, 1], got {found}; scale and clamp the frames first"
        )
    return value


def _hint(shape: tuple[int, ...], last: bool) -> str:
    """What to do about frames of this shape; colour comes last in arrays, second in tensors."""
    if len(shape) == 3 and 3 in (shape[0], shape[-1]):
        return "; give a single frame as frame[None]"
    if len(shape) == 5 and shape[0] == 1:
        return "; give the clip without its batch dimension, as clip[0]"
    if len(shape) == 4 and shape[1] == 3 and last:
        return "; move the colours to the end with transpose(0, 2, 3, 1)"
    if len(shape) == 4 and shape[-1] == 3 and not last:
        return "; move the colours forward with permute(0, 3, 1, 2)"
    return ""


def _are_paths(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(v, str | os.PathLike) for v in value)
    )


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple):
        inside = ", ".join(sorted({type(v).__name__ for v in value})) or "nothing"

        return f"a {type(value).__name__} of {inside}"
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
