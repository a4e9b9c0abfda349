"""Faces cut out of frames and put back, on tensors: FLAIR does it at every step of its sampling.

Frames and faces are RGB in [-1, 1]; matrices (n, 2, 3) carry pixels of the frame to pixels of the face.
Unlike `vfsrbench.faces.paste` there is no rounding to grey levels, and FLAIR's mask is its own. Golden
figures: tests/parity/flair_face.json.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vfsrbench.faces.similarity import invert
from vfsrbench.runtime.device import OnDevice, queued

BORDER = tuple(level / 255 * 2 - 1 for level in (135, 133, 132))
FACE_REGIONS = range(1, 14)
"""ParseNet's regions that count as face: all but background, neck, necklace, cloth, hair and hat."""
BLUR, SIGMA, EDGE = 101, 26.0, 10

Matrices = NDArray[np.float64]
Size = tuple[int, int]


def crop_faces(frames: Tensor, matrices: Matrices, side: int) -> Tensor:
    """(n, 3, h, w) -> faces (n, 3, side, side): cubic, the official border's colour outside the frame."""
    return cropped(frames, grid_of(matrices, frames, _size(frames), (side, side)))


def cropped(frames: Tensor, grid: Tensor) -> Tensor:
    """`crop_faces` with the grid of its matrices."""
    border = _border().like(frames)
    return (_sampled(frames - border, grid) + border).clamp(-1, 1)


def paste_faces(frames: Tensor, faces: Tensor, masks: Tensor, matrices: Matrices) -> Tensor:
    """The frames with their faces: (n, 3, h, w), (n, 3, side, side), (n, 1, side, side) -> (n, 3, h, w)."""
    return pasted(frames, faces, masks, grid_of(invert(matrices), frames, _size(faces), _size(frames)))


def pasted(frames: Tensor, faces: Tensor, masks: Tensor, grid: Tensor) -> Tensor:
    """`paste_faces` with the grid of its inverted matrices."""
    # black outside, which is -1; sampling puts zeros there
    placed = (_sampled(faces + 1, grid) - 1).clamp(-1, 1)
    return frames.lerp(placed, _sampled(masks, grid))


def face_masks(logits: Tensor) -> Tensor:
    """ParseNet's logits (n, 19, h, w) -> (n, 1, h, w) from 0 to 1: the face's regions, blurred twice, with
    nothing on the outermost pixels."""
    regions = logits.argmax(1, keepdim=True)
    mask = ((regions >= FACE_REGIONS.start) & (regions < FACE_REGIONS.stop)).float()
    for _ in range(2):
        mask = _blurred(mask)
    inside = torch.zeros_like(mask)
    inside[..., EDGE:-EDGE, EDGE:-EDGE] = mask[..., EDGE:-EDGE, EDGE:-EDGE]
    return inside


def background_weights(logits: Tensor, background: float) -> Tensor:
    """Eq. 5's weights (n, 1, h, w): `background` where ParseNet's logits (n, 19, h, w) say so, else 1."""
    return (logits.argmax(1, keepdim=True) == 0).to(logits.dtype) * (background - 1) + 1


def carried(x: Tensor, matrices: Matrices, size: Size) -> Tensor:
    """Pictures (n, c, h, w) carried by their matrices to pictures of `size`: cubic (a = -0.75, OpenCV's),
    zeros outside."""
    return _sampled(x, grid_of(matrices, x, _size(x), size))


def grid_of(matrices: Matrices, like: Tensor, source: Size, size: Size) -> Tensor:
    """Where pictures of `size` that matrices carry there look into pictures of the size `source`:
    (n, *size, 2), -1 to 1, x then y; on the device and in the type of `like`."""
    rows, columns = (torch.arange(n, dtype=torch.float64, device=like.device) for n in size)
    places = torch.stack(
        [columns.expand(size), rows[:, None].expand(size), torch.ones_like(columns).expand(size)], -1
    )
    backward = queued(torch.from_numpy(invert(matrices)), like.device)
    sources = torch.einsum("nij,hwj->nhwi", backward, places)
    height, width = (max(side - 1, 1) for side in source)
    return torch.stack([sources[..., 0] / width, sources[..., 1] / height], -1).mul_(2).sub_(1).to(like.dtype)


def _sampled(x: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(x, grid, mode="bicubic", padding_mode="zeros", align_corners=True)


def _size(pictures: Tensor) -> Size:
    return (pictures.shape[-2], pictures.shape[-1])


@lru_cache(maxsize=1)
def _border() -> OnDevice:
    return OnDevice(torch.tensor(BORDER).view(1, 3, 1, 1))


def _blurred(mask: Tensor) -> Tensor:
    """OpenCV's Gaussian of that width, the picture mirrored at its border."""
    places = torch.arange(BLUR, device=mask.device, dtype=mask.dtype) - BLUR // 2
    taps = torch.exp(-(places**2) / (2 * SIGMA**2))
    taps = (taps / taps.sum())[None, None]
    for _ in range(2):  # across, then down
        rows = F.pad(mask, (BLUR // 2, BLUR // 2, 0, 0), mode="reflect").flatten(0, 2)[:, None]
        mask = F.conv1d(rows, taps)[:, 0].view(*mask.shape).transpose(-1, -2)
    return mask
