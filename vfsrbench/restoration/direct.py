"""Restoring a clip in memory, without files or a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfsrbench.errors import InputError, JobFailure
from vfsrbench.io.clip import Clip
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.files import output_size, usable_method
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import InMemory, restore_clip
from vfsrbench.runtime.precision import Profile

if TYPE_CHECKING:
    import torch


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
    sink = InMemory()
    try:
        restore_clip(predictor, clip, info, sink, seed=seed, device=device)
    except JobFailure as failure:
        raise InputError(f"method {use.id!r} gave no result for {clip.name!r}: {failure.reason}") from failure
    return Clip.from_array(sink.frames(), clip.name, clip.fps)
