"""A degraded clip without ground truth, upscaled: as long and as large as restored clips have to be."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.resize import resize
from degradations.numerics.grid import whole
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.paths import check_pixels

Frames = NDArray[np.uint8]


def upscaled(clip: Clip, scale: int) -> Clip:
    """The clip `scale` times as high and as wide, bicubically (a = -0.75), frame by frame when it is read.

    InputError when its frames would have more pixels than any clip may.
    """
    if scale == 1:
        return clip
    size = (clip.height * scale, clip.width * scale)
    check_pixels(f"clip {clip.name!r}, enlarged by {scale}", size[1], size[0])
    return clip.mapped(partial(_resized, size), size)


def upscaled_digest(digest: str, scale: int) -> str:
    """Names the upscaled frames by the digest of those they are made from: no need to make them."""
    code = module_digest(
        "degradations.imaging.resize",
        "degradations.numerics.grid",
        alone=("vfsrbench.io.upscaled", "vfsrbench.io.mapped"),
    )
    return digest_of("enlarged", {"frames": digest, "scale": scale, "code": code})


def _resized(size: tuple[int, int], frames: Frames, first: int) -> Frames:
    out = np.empty((len(frames), *size, 3), np.uint8)
    for place, frame in zip(out, frames, strict=True):
        place[...] = whole(resize(frame, *size, "cubic"))
    return out
