"""From heatmaps to landmarks: adaptive-wing FAN (98 points) and 2DFAN-4 (68 points).

Both decoders take the highest cell and move a quarter cell towards the higher neighbour in x and in y, so
points lie on a grid of half cells. They run on any device and treat every map on its own.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FAN_INPUT = 256
# 2DFAN's reference: a box whose sides sum to 195 px gives a crop of 200 px
_REFERENCE_SCALE, _REFERENCE_SIDE = 195.0, 200.0


def decode_awing(heatmaps: Tensor, height: int, width: int) -> Tensor:
    """The last heatmaps of AwingFAN, (N, 98 or 99, 64, 64) -> points (N, 98, 2), pixels of the picture of
    height x width that was squeezed to 256x256.

    A neighbour outside the map counts as lower than everything. facexlib's own decoder wraps around there,
    and one such point makes it take a wrong neighbour for all points of the batch (up to half a cell); away
    from the border the two agree.
    """
    points = quarter_offsets(heatmaps[:, :98]) + 0.5
    rows, columns = heatmaps.shape[2:]
    return torch.stack([points[..., 0] * (width / columns), points[..., 1] * (height / rows)], dim=-1)


def decode_fan2d4(
    heatmaps: Tensor, centre: Tensor, scale: Tensor, whole_pixels: bool = True
) -> tuple[Tensor, Tensor]:
    """The last heatmaps of FAN2D4, (N, 68, 64, 64) -> points (N, 68, 2) in pixels of the picture, and the
    heat of each (N, 68).

    centre (N, 2) and scale (N,) are what `fan_crop_geometry` gave for the crops. whole_pixels: cut towards
    zero to integers, as face_alignment does (so its points jump by whole pixels); False keeps the fraction.
    A peak on the border of a map is not moved, as there.
    """
    size = heatmaps.shape[-1]
    cells = quarter_offsets(heatmaps, border_moves=False) + 0.5
    side = (_REFERENCE_SIDE * scale.to(cells.dtype))[:, None, None]
    points = cells * side / size + centre.to(cells.dtype)[:, None, :] - side / 2
    return (points.trunc() if whole_pixels else points), heatmaps.flatten(2).amax(-1)


def quarter_offsets(heatmaps: Tensor, border_moves: bool = True) -> Tensor:
    """Peaks (N, K, 2) in cells, x then y, the first of equal ones, a quarter cell towards the higher
    neighbour. border_moves: whether a peak on the border moves inwards (and along the border)."""
    rows, columns = heatmaps.shape[2:]
    index = heatmaps.flatten(2).argmax(-1)
    x, y = index % columns, index // columns
    fenced = torch.nn.functional.pad(heatmaps, (1, 1, 1, 1), value=float("-inf")).flatten(2)

    def heat(dx: int, dy: int) -> Tensor:
        return fenced.gather(2, ((y + 1 + dy) * (columns + 2) + x + 1 + dx)[..., None])[..., 0]

    step_x = torch.sign(heat(1, 0) - heat(-1, 0))
    step_y = torch.sign(heat(0, 1) - heat(0, -1))
    steps = torch.stack([step_x, step_y], -1)
    if not border_moves:
        inside = (x > 0) & (x < columns - 1) & (y > 0) & (y < rows - 1)
        steps = torch.where(inside[..., None], steps, torch.zeros_like(steps))
    return torch.stack([x, y], -1).to(heatmaps.dtype) + 0.25 * steps


def fan_crop_geometry(boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (N, 2) and scales (N,) of 2DFAN's crops for face boxes (N, 4 or more): x1, y1, x2, y2, ...
    The centre lies 0.12 box heights above the box's; the crop's side is 200 x scale pixels."""
    boxes = np.asarray(boxes, dtype=np.float64)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    centre = np.stack([boxes[:, 2] - width / 2, boxes[:, 3] - height / 2 - 0.12 * height], -1)
    return centre, (width + height) / _REFERENCE_SCALE


def fan_crop(frame: NDArray[np.uint8], centre: NDArray[np.float64], scale: float) -> NDArray[np.uint8]:
    """2DFAN's 256x256 input picture from a frame (H, W, 3) uint8: whole-pixel corners, black outside,
    bilinear to size."""
    import cv2

    height, width = frame.shape[:2]
    side = _REFERENCE_SIDE * scale
    left, top = (int(c - side / 2 + side / FAN_INPUT) for c in centre)
    right, bottom = (int(c + side / 2) for c in centre)
    crop = np.zeros((bottom - top, right - left, 3), np.uint8)
    x1, x2, y1, y2 = max(left, 0), min(right, width), max(top, 0), min(bottom, height)
    if x2 > x1 and y2 > y1:
        crop[y1 - top : y2 - top, x1 - left : x2 - left] = frame[y1:y2, x1:x2]
    return cv2.resize(crop, (FAN_INPUT, FAN_INPUT), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
