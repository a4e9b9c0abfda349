"""Clips cropped around their centre, so that splits can divide their sides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Cropped:
    """The part of a clip's frames that is left: `height` and `width` pixels from `top` and `left` on, of
    frames that were `whole` (height, width). Both sides are multiples of `multiple`."""

    multiple: int
    whole: tuple[int, int]
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, clip: Clip, multiple: int) -> Cropped | None:
        """The largest centred part with such sides; None if that is the whole frame.

        Where the border is odd, the pixel more is cut at the bottom and on the right.

        Raises:
            InputError: A side is smaller than `multiple`.
        """
        height, width = (side - side % multiple for side in (clip.height, clip.width))
        if not (height and width):
            raise InputError(
                f"clip {clip.name!r} is {clip.width}x{clip.height}: too small to be cropped to multiples of "
                f"{multiple}"
            )
        if (height, width) == (clip.height, clip.width):
            return None
        top, left = (clip.height - height) // 2, (clip.width - width) // 2
        return cls(multiple, (clip.height, clip.width), top, left, height, width)

    def apply(self, clip: Clip) -> Clip:
        """The same part of a clip of the same size."""
        change = partial(_cut, self.top, self.left, self.height, self.width)
        return clip.mapped(change, (self.height, self.width))

    def __str__(self) -> str:
        return f"crop{self.multiple}"

    def in_words(self) -> str:
        """Which part it is, for a reader."""
        height, width = self.whole
        return f"{self.width}x{self.height}, the centre, of {width}x{height}"


def _cut(top: int, left: int, height: int, width: int, frames: Frames, first: int) -> Frames:
    return np.ascontiguousarray(frames[:, top : top + height, left : left + width])
