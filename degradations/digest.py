"""The name of a clip's content: SHA-256 over its decoded frames, whatever file they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from degradations.errors import InputError


class FrameHasher:
    """SHA-256 over uint8 RGB frames of one size, fed in any portions.

    Hashed are the text `vfsrbench-frames:uint8:RGB:<height>x<width>:`, every frame's bytes row by row, and
    the number of frames as eight little-endian bytes. Clips of other shapes can therefore never collide.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width, 3)
        self._count = 0
        self._hash = hashlib.sha256(f"vfsrbench-frames:uint8:RGB:{height}x{width}:".encode())

    def update(self, frames: NDArray[np.uint8]) -> None:
        """Add (n, H, W, 3) frames, or one (H, W, 3). InputError for another size or type."""
        block = frames[None] if frames.ndim == 3 else frames
        if block.dtype != np.uint8 or block.shape[1:] != self._shape:
            raise InputError(
                f"frames to hash must be uint8 {self._shape}, got {block.dtype} {tuple(block.shape[1:])}"
            )
        self._hash.update(np.ascontiguousarray(block).data)
        self._count += len(block)

    def hexdigest(self) -> str:
        """The digest of all frames so far, 64 hexadecimal digits. More frames may follow."""
        final = self._hash.copy()
        final.update(self._count.to_bytes(8, "little"))
        return final.hexdigest()


def frame_digest(frames: NDArray[np.uint8] | Iterable[NDArray[np.uint8]]) -> str:
    """The digest of a clip given as an array (T, H, W, 3) or as single frames. InputError if it is empty."""
    hasher: FrameHasher | None = None
    for frame in frames:
        if hasher is None:
            hasher = FrameHasher(*frame.shape[:2])
        hasher.update(frame)
    if hasher is None:
        raise InputError("a clip without frames has no digest")
    return hasher.hexdigest()
