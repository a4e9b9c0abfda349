"""Training samples: which frames, which crop, which way round, all from the seed and the sample's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degradations.errors import InputError, counted
from degradations.recipe import Recipe
from vfsrbench.io.clip import Clip


@dataclass(frozen=True)
class Sampling:
    """`frames` of a clip, one of every 1 to `max_stride`, cropped to `crop` pixels (section III-A)."""

    frames: int = 8
    crop: int = 256
    max_stride: int = 2
    seed: int = 0


def training_batch(
    clips: Sequence[Clip], recipe: Recipe, sampling: Sampling, step: int, size: int
) -> tuple[Tensor, Tensor]:
    """Batch number `step`: LQ (n, t, 3, c/4, c/4) and GT (n, t, 3, c, c) in [0, 1].

    Every epoch goes through the clips in a new order. A batch depends on nothing but its number, so that
    training goes on after a break as if there had been none.
    """
    pairs = [_sample(clips, recipe, sampling, step * size + i) for i in range(size)]
    lq, gt = (torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))
    return to_network(lq), to_network(gt)


def to_network(frames: Tensor) -> Tensor:
    """uint8 (..., h, w, 3) -> float32 (..., 3, h, w) in [0, 1]."""
    return frames.movedim(-1, -3).float().div_(255)


def _generator(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, (purpose << 48) | number]))


def _sample(
    clips: Sequence[Clip], recipe: Recipe, sampling: Sampling, number: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    epoch, position = divmod(number, len(clips))
    clip = clips[int(_generator(sampling.seed, 1, epoch).permutation(len(clips))[position])]
    rng = _generator(sampling.seed, 2, number)
    longest = max(1, min(sampling.max_stride, (len(clip) - 1) // max(sampling.frames - 1, 1)))
    stride = int(rng.integers(1, longest + 1))
    span = (sampling.frames - 1) * stride + 1
    if len(clip) < span:
        raise InputError(
            f"clip {clip.name!r} has {counted(len(clip), 'frame')}, {sampling.frames} are needed"
        )
    start = int(rng.integers(0, len(clip) - span + 1))
    frames = clip.read(start, start + span)[::stride]
    frames = _crop(frames, sampling.crop, rng, clip.name)
    if rng.random() < 0.5:
        frames = frames[::-1]
    if rng.random() < 0.5:
        frames = frames[:, :, ::-1]
    gt = np.ascontiguousarray(frames)
    return recipe.apply(gt, clip=f"{clip.name}#{number}", seed=sampling.seed).frames, gt


def _crop(frames: NDArray[np.uint8], crop: int, rng: np.random.Generator, name: str) -> NDArray[np.uint8]:
    height, width = frames.shape[1:3]
    if min(height, width) < crop:
        raise InputError(f"clip {name!r} is {height}x{width}, a crop of {crop} pixels does not fit")
    top, left = (int(rng.integers(0, side - crop + 1)) for side in (height, width))
    return frames[:, top : top + crop, left : left + crop]
