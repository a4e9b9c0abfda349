"""Restoring a clip in memory, without files or a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.files import output_size, usable_method
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import restore_clip
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch


class MemorySink:
    """Takes the frames of a restored clip and keeps them in memory."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.uint8]] = []

    def write(self, frames: NDArray[np.uint8]) -> None:
        """Append (n, H, W, 3) frames."""
        self._parts.append(frames)

    def restart(self) -> None:
        """Forget every frame written so far."""
        self._parts.clear()

    def frames(self) -> NDArray[np.uint8]:
        """All frames, (T, H, W, 3)."""
        return np.concatenate(self._parts)


def restore_in_memory(
    clip: Clip,
    method: str | Predictor,
    scale: int | None,
    seed: int,
    device: torch.device,
    profile: Profile,
) -> Clip:
    """Restore one clip; see `vfsrbench.restore`."""
    use = usable_method(method)
    predictor = PredictorCache(device, profile).need(use)
    height, width = output_size(predictor.card, clip, scale)
    info = ClipInfo(clip.name, len(clip), clip.fps, clip.height, clip.width, height, width)
    sink = MemorySink()
    try:
        restore_clip(predictor, clip, info, sink, seed=seed, device=device)
    except JobFailure as failure:
        raise InputError(f"method {use.id!r} gave no result for {clip.name!r}: {failure.reason}") from failure
    return Clip.from_array(sink.frames(), clip.name, clip.fps)
