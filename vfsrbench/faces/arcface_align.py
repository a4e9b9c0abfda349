"""Faces cut out for recognition: five points to ArcFace's template, 112x112 (or 128x128).

The transform is the least-squares similarity to insightface's template; the picture is sampled bilinearly
in floating point, black outside, with no rounding in between. OpenCV's 8-bit warp, which the official tools
use, differs from this by its own rounding: at most half a grey level, 0.03 on average.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from degradations.errors import InputError
from vfsrbench.faces.similarity import invert, least_squares_similarity
from vfsrbench.runtime.device import queued

ARCFACE_112 = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)],
    dtype=np.float32,  # insightface keeps them in float32
).astype(np.float64)


def arcface_template(size: int = 112) -> NDArray[np.float64]:
    """The five target points (5, 2) in a crop of `size` pixels; size must be a multiple of 112 or 128
    (where the face keeps its place and the crop grows by 8 columns on each side)."""
    if size > 0 and size % 112 == 0:
        return ARCFACE_112 * (size / 112)
    if size > 0 and size % 128 == 0:
        return (ARCFACE_112 + np.array([8.0, 0.0])) * (size / 128)
    raise InputError(f"a recognition crop is a multiple of 112 or 128 pixels, got {size}")


def arcface_matrices(landmarks: ArrayLike, size: int = 112) -> NDArray[np.float64]:
    """Matrices (N, 2, 3), picture -> crop, for landmarks (N, 5, 2) in pixels: left eye, right eye, nose,
    left and right mouth corner. Landmarks must be finite: leave out frames without a face."""
    return least_squares_similarity(landmarks, arcface_template(size))


def inverse_fit_matrices(landmarks: ArrayLike, size: int = 112) -> NDArray[np.float64]:
    """As `arcface_matrices`, with the error measured in the picture: the inverse of the fit from the template
    to the points, as MATLAB's cp2tform and the tools that follow it make it."""
    return invert(least_squares_similarity(arcface_template(size), landmarks))


def align_faces(images: Tensor, matrices: ArrayLike, size: int = 112) -> Tensor:
    """Crops (N, C, size, size) of images (N, C, H, W) by matrices (N, 2, 3), picture -> crop.

    Any device, any floating type; values outside an image are 0 (black, when images are in [0, 1]). Frames
    do not see each other.
    """
    count, channels, height, width = images.shape
    backward = invert(matrices)
    if backward.shape != (count, 2, 3):
        raise InputError(f"{count} images need {count} alignment matrices, got shape {backward.shape}")
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    # in float64 on the host: float32 would move a sample by 1e-5 px, and not every device has float64;
    # written out, as a matrix product may depend on the number of threads
    place = backward[..., :1] * column.ravel() + backward[..., 1:2] * row.ravel() + backward[..., 2:]
    corner = np.floor(place)
    fraction = queued(torch.from_numpy(place - corner).to(images.dtype), images.device)
    first = queued(torch.from_numpy(corner.astype(np.int64)), images.device)
    flat = images.flatten(2)

    def tap(dx: int, dy: int) -> Tensor:
        x, y = first[:, 0] + dx, first[:, 1] + dy
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1))[:, None].expand(-1, channels, -1)
        return flat.gather(2, index) * inside[:, None]

    fx, fy = fraction[:, :1], fraction[:, 1:]
    upper = tap(0, 0) * (1 - fx) + tap(1, 0) * fx
    lower = tap(0, 1) * (1 - fx) + tap(1, 1) * fx
    return (upper * (1 - fy) + lower * fy).view(count, channels, size, size)
