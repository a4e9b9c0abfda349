"""What DOVER looks at: which frames of a clip, which places of a frame, and the views made of them.

Frames and places are drawn. The draws are those of the authors' script whose two generators (numpy's, then
PyTorch's) were seeded with the same number before the clip.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from vfsrbench.metric import Frames

SIDE, GRID, PIECE = 224, 7, 32
CLIPS, LENGTH, STEP = 3, 32, 2
"""The technical view: three clips of 32 frames, every second frame, a third of the clip each."""
_REACH = LENGTH * STEP
Numbers = NDArray[np.int64]


@lru_cache(maxsize=64)
def frames_of(total: int, seed: int) -> tuple[Numbers, Numbers]:
    """Numbers of the frames of both views of a clip of `total` frames: technical (96,), aesthetic (32,)."""
    rng = np.random.RandomState(seed)
    third = total // CLIPS
    starts = np.arange(CLIPS) * third
    if third > _REACH:
        starts = starts + rng.randint(0, third - _REACH, CLIPS, np.int64)
    technical = (starts[:, None] + STEP * np.arange(LENGTH)).reshape(-1) % total
    part = total // LENGTH
    aesthetic = np.arange(LENGTH) * part
    if part > STEP:
        aesthetic = aesthetic + rng.randint(0, part - STEP, LENGTH, np.int64)
    return technical, aesthetic


@lru_cache(maxsize=64)
def pieces_of(height: int, width: int, seed: int) -> tuple[Numbers, Numbers]:
    """First rows and first columns of the pieces, (7, 7, 3) each: by row and column of the grid, and clip."""
    generator = torch.Generator().manual_seed(seed)
    shape = (GRID, GRID, CLIPS)

    def drawn(side: int) -> Numbers:
        spare = side // GRID - PIECE
        if spare <= 0:
            return np.zeros(shape, np.int64)
        return torch.randint(spare, shape, generator=generator).numpy()

    down, across = drawn(height), drawn(width)
    return down + _origins(height)[:, None, None], across + _origins(width)[:, None]


def _origins(side: int) -> Numbers:
    return np.minimum(side // GRID * np.arange(GRID), side - PIECE)


def fragments(frame: Frames, rows: Numbers, columns: Numbers) -> Frames:
    """The technical view of a frame (H, W, 3): 7x7 pieces of 32x32 pixels side by side, (224, 224, 3).

    Args:
        frame: uint8 RGB, as `enlarged` gives it.
        rows: First rows of the pieces, (7, 7).
        columns: Their first columns.
    """
    view = np.empty((GRID, PIECE, GRID, PIECE, 3), np.uint8)
    for i in range(GRID):
        for j in range(GRID):
            top, left = rows[i, j], columns[i, j]
            view[i, :, j] = frame[top : top + PIECE, left : left + PIECE]
    return view.reshape(SIDE, SIDE, 3)


def enlarged(frame: Frames) -> Frames:
    """A frame with a side below 224 enlarged to it bilinearly, cut to whole numbers; others as they are.

    Pieces are taken where they lie in the frame's own size all the same: so does the authors' code.
    """
    shorter = min(frame.shape[:2])
    if shorter >= SIDE:
        return frame
    planes = _planes(frame)[:, None] / 255.0  # PyTorch rounds colours that are channels in another order
    large = F.interpolate(planes, scale_factor=SIDE / shorter, mode="bilinear")
    return _picture((large[:, 0] * 255.0).to(torch.uint8))


def shrunk(frame: Frames) -> Frames:
    """The aesthetic view of a frame: all of it at 224x224, bilinear with antialiasing (as torchvision shrinks
    tensors since 0.17), rounded."""
    planes = _planes(frame)[None].float()
    small = F.interpolate(planes, size=(SIDE, SIDE), mode="bilinear", antialias=True)
    return _picture(small[0].round().clamp(0, 255).to(torch.uint8))


def _planes(frame: Frames) -> torch.Tensor:
    """(3, H, W), a colour after the other."""
    return torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))


def _picture(planes: torch.Tensor) -> Frames:
    return planes.permute(1, 2, 0).contiguous().numpy()
