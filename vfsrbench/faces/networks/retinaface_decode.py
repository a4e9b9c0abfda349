"""From RetinaFace's outputs to faces: anchors, boxes, landmarks, non-maximum suppression.

A face is a row of 15 numbers: x1, y1, x2, y2, score, then x and y of the left eye, right eye, nose, left
and right mouth corner; pixels of the picture that was fed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STEPS = (8, 16, 32)
ANCHOR_SIZES = ((16, 32), (64, 128), (256, 512))
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2


def anchors(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """(A, 4) centre x, centre y, width, height relative to the picture; two a cell of every level."""
    levels = []
    for step, sizes in zip(STEPS, ANCHOR_SIZES, strict=True):
        y = (torch.arange(math.ceil(height / step), dtype=torch.float64) + 0.5) * step / height
        x = (torch.arange(math.ceil(width / step), dtype=torch.float64) + 0.5) * step / width
        grid = torch.stack([x[None, :].expand(len(y), -1), y[:, None].expand(-1, len(x))], -1)
        extents = torch.tensor([[size / width, size / height] for size in sizes], dtype=torch.float64)
        centres = grid.reshape(-1, 1, 2).expand(-1, len(sizes), 2)
        levels.append(torch.cat([centres, extents.expand(len(centres), -1, -1)], -1).reshape(-1, 4))
    return torch.cat(levels).float().to(device)


def decode_boxes(offsets: Tensor, priors: Tensor) -> Tensor:
    """(..., A, 4) offsets -> (..., A, 4) corners x1, y1, x2, y2, relative to the picture."""
    centre = priors[:, :2] + offsets[..., :2] * CENTRE_VARIANCE * priors[:, 2:]
    size = priors[:, 2:] * torch.exp(offsets[..., 2:] * SIZE_VARIANCE)
    corner = centre - size / 2
    return torch.cat([corner, size + corner], -1)


def decode_landmarks(offsets: Tensor, priors: Tensor) -> Tensor:
    """(..., A, 10) offsets -> (..., A, 10) x and y of five points, relative to the picture."""
    centre, size = priors[:, :2].repeat(1, 5), priors[:, 2:].repeat(1, 5)
    return centre + offsets * CENTRE_VARIANCE * size


def decode(
    outputs: tuple[Tensor, Tensor, Tensor],
    height: int,
    width: int,
    threshold: float = 0.8,
    overlap: float = 0.4,
) -> list[Tensor]:
    """The faces of every picture of a batch: (faces, 15) each, best score first, on the CPU.

    outputs: what RetinaFace.forward put out for pictures of height x width. Anchors scoring above
    `threshold` are kept, then thinned so that no two overlap by more than `overlap` (intersection over
    union with both ends of a box counted as pixels, as the official code measures it). How many there are
    only the host can use, so it gets all numbers at once (1 MB a picture of 640x640) rather than wait for a
    GPU at every step of every picture.
    """
    from torchvision.ops import nms

    packed = torch.cat([part.float() for part in outputs], dim=-1).cpu()
    offsets, scores, landmark_offsets = packed.split([part.shape[-1] for part in outputs], dim=-1)
    priors = anchors(height, width)
    scale = torch.tensor([width, height], dtype=torch.float32)
    last_pixel = torch.tensor([0.0, 0.0, 1.0, 1.0])
    faces = []
    for item in range(len(offsets)):
        probability = scores[item, :, 1]
        kept = torch.nonzero(probability > threshold)[:, 0]
        kept = kept[torch.sort(probability[kept], descending=True, stable=True).indices]
        boxes = decode_boxes(offsets[item, kept], priors[kept]) * scale.repeat(2)
        points = decode_landmarks(landmark_offsets[item, kept], priors[kept]) * scale.repeat(5)
        rows = torch.cat([boxes, probability[kept, None], points], 1)
        faces.append(rows[nms(boxes + last_pixel, probability[kept], overlap)])
    return faces
