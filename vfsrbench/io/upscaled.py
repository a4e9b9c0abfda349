"""A degraded clip without ground truth, enlarged: as long and as large as restored clips have to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from degradations.imaging.resize import resize
from degradations.numerics.grid import whole
from vfsrbench.hashing.code import module_digest
from vfsrbench.hashing.facts import digest_of
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.paths import check_pixels


def enlarged(clip: Clip, scale: int) -> Clip:
    """The clip `scale` times as high and as wide, bicubically (a = -0.75), frame by frame when it is read."""
    if scale == 1:
        return clip
    return Clip(_Enlarged(clip, scale), clip.name, clip.fps)


def enlarged_digest(digest: str, scale: int) -> str:
    """Names the enlarged frames by the digest of those they are made from: no need to make them."""
    code = module_digest(
        "degradations.imaging.resize", "degradations.numerics.grid", alone=("vfsrbench.io.upscaled",)
    )
    return digest_of("enlarged", {"frames": digest, "scale": scale, "code": code})


class _Enlarged:
    """A clip's frames, each enlarged when it is read."""

    def __init__(self, source: Clip, scale: int) -> None:
        self._source = source
        self.length = len(source)
        self.height, self.width = source.height * scale, source.width * scale
        check_pixels(f"clip {source.name!r}, enlarged by {scale}", self.width, self.height)

    @property
    def names(self) -> tuple[str, ...] | None:
        return self._source.frame_names if self._source.named_frames else None

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        frames = np.empty((stop - start, self.height, self.width, 3), np.uint8)
        for place, frame in enumerate(self._source.read(start, stop)):
            frames[place] = whole(resize(frame, self.height, self.width, "cubic"))
        return frames
