"""Ground truth cut to outputs that are smaller or shorter, where the user asks for it.

Nothing is cut unasked: outputs of another size or length are refused with both. What is cut is the ground
truth alone, and always in one way: its top left corner and its first frames are kept, as most scripts that
crop do. Where a tool kept another part, the guard (`vfsrbench.geometry`) says that its outputs are shifted or
late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Cache, FlowField, TruthInfo

T = TypeVar("T")
Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Crop:
    """What is kept of a ground truth: its first `frames`, of each the top left `height` x `width`.

    `of` says what the whole has.

    Example:
        >>> str(Crop(24, 510, 512, "25 frames of 512x512"))
        '24 frames of 512x510, top left, of 25 frames of 512x512'
    """

    frames: int
    height: int
    width: int
    of: str

    def __str__(self) -> str:
        return f"{self.frames} frames of {self.width}x{self.height}, top left, of {self.of}"

    def for_key(self) -> dict[str, int]:
        """What a key says of it: the whole ground truth's digest stands beside it."""
        return {name: value for name, value in asdict(self).items() if name != "of"}

    def digest(self, whole: str) -> str:
        """Names the kept frames by the digest of the whole."""
        return digest_of("cropped", {"gt": whole, **self.for_key()})


def crop_to(made: Clip, gt: Clip, what: str) -> Crop | None:
    """What of the ground truth is compared with outputs.

    Args:
        made: The outputs.
        gt: Their ground truth.
        what: Names the outputs in messages.

    Returns:
        The part; None where both have one size and length.

    Raises:
        InputError: The outputs are larger or longer: no part of the ground truth is as large.

    Example:
        >>> import numpy as np
        >>> clips = [Clip.from_array(np.zeros((3, side, 64, 3), np.uint8)) for side in (62, 64)]
        >>> crop_to(*clips, "outputs").height
        62
    """
    ours, whole = ((len(c), c.height, c.width) for c in (made, gt))
    if ours == whole:
        return None
    if any(own > least for own, least in zip(ours, whole, strict=True)):
        raise InputError(
            f"{what}: {_extent(made)}, the ground truth has {_extent(gt)}; crop_gt (--crop-gt) cuts the "
            "ground truth, and these are larger or longer; `vfsrbench import --undo` undoes what a tool added"
        )
    return Crop(*ours, _extent(gt))


def _extent(clip: Clip) -> str:
    return f"{len(clip)} frames of {clip.width}x{clip.height}"


def cropped(gt: Clip, crop: Crop) -> Clip:
    """The part of a ground truth."""
    size = crop.height, crop.width
    head = gt.head(crop.frames)
    return head if (gt.height, gt.width) == size else head.mapped(partial(_top_left, size), size)


def _top_left(size: tuple[int, int], frames: Frames, first: int) -> Frames:
    return np.ascontiguousarray(frames[:, : size[0], : size[1]])


def cropped_truth(
    truth: Clip, info: TruthInfo, crop: Crop, cache: Cache | None = None
) -> tuple[Clip, TruthInfo]:
    """The part, and what metrics may know of it. Landmarks stay where they are; exact flow is cut alike.

    Args:
        truth: The whole.
        info: What is known of the whole.
        crop: The part.
        cache: Of the part's own digest.
    """
    landmarks = None if info.landmarks is None else info.landmarks[: crop.frames]
    flow = None if info.exact_flow is None else _CroppedFlow(info.exact_flow, crop.height, crop.width)
    known = replace(
        info,
        digest=crop.digest(info.digest),
        total=crop.frames,
        landmarks=landmarks,
        exact_flow=flow,
        cache=cache,
    )
    return cropped(truth, crop), known


@dataclass(frozen=True)
class _CroppedFlow:
    whole: FlowField
    height: int
    width: int

    def __call__(self, a: int, b: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        vectors, valid = self.whole(a, b)
        return vectors[:, : self.height, : self.width], valid[: self.height, : self.width]


def crops_of(outputs: Mapping[T, Mapping[str, Clip]], name: str, gt: Clip) -> dict[T, Crop]:
    """By place, what is cut from the ground truth of a clip for the outputs there; nothing where they fit."""
    found = {place: crop_to(clips[name], gt, name) for place, clips in outputs.items() if name in clips}
    return {place: crop for place, crop in found.items() if crop is not None}
