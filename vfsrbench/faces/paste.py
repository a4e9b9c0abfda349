"""Restored faces pasted back into their frames, as KEEP's and CodeFormer's face helper does it.

A face is carried back by the inverse of its alignment and blended in under the smaller of two masks: a
square whose border fades over a twentieth of its side, and the face's own regions by ParseNet, blurred.

Two deviations. Warping is `warp`'s, the same bytes on every machine. Masks are rounded to 1/65536, so that
the last bits of OpenCV's filters do not reach the picture: where a mask is full, the frame holds exactly the
restored face. Against the helper under OpenCV 4.10 both together move 3 % of a face's pixels, by one level.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from degradations.errors import InputError
from vfsrbench.faces.networks.parsenet import REGIONS, SIDE
from vfsrbench.faces.similarity import invert, transform_points
from vfsrbench.faces.warp import warp_affine, warp_map

Frames = NDArray[np.uint8]
Mask = NDArray[np.float32]

OUTSIDE = ("background", "neck", "cloth", "hair", "hat")
BLUR, SIGMA, BORDER = 101, 11, 10
_FADE = 20  # the fading border is this part of the square's side
_STEPS = 1 << 16
_MARGIN = 3


class FaceParser:
    """A ParseNet with its weights loaded, on its device; `batch` faces go through it at a time."""

    def __init__(self, network: nn.Module, batch: int = 4) -> None:
        self.network, self.batch = network.eval(), batch

    @torch.inference_mode()
    def regions(self, faces: Frames) -> NDArray[np.uint8]:
        """The region of every pixel, an index into `REGIONS`: faces (T, 512, 512, 3) uint8 RGB ->
        (T, 512, 512)."""
        if faces.dtype != np.uint8 or faces.shape[1:] != (SIDE, SIDE, 3):
            raise InputError(f"faces must be uint8 (T, {SIDE}, {SIDE}, 3), got {faces.dtype} {faces.shape}")
        device = next(self.network.parameters()).device
        out = np.empty(faces.shape[:3], np.uint8)
        for first in range(0, len(faces), self.batch):
            part = torch.from_numpy(faces[first : first + self.batch]).to(device)
            x = part.permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)
            out[first : first + self.batch] = self.network(x).argmax(1).to(torch.uint8).cpu().numpy()
        return out

    def masks(self, faces: Frames) -> NDArray[np.float32]:
        """Where each face is pasted: (T, 512, 512) in [0, 1], soft, 0 on the outermost 10 pixels."""
        found = [region_mask(regions) for regions in self.regions(faces)]
        return np.array(found, np.float32).reshape(-1, SIDE, SIDE)


def region_mask(regions: NDArray[np.uint8]) -> Mask:
    """One face's mask (H, W) from its regions: 1 on skin, features, ears and necklace, blurred twice."""
    wanted = np.array([name not in OUTSIDE for name in REGIONS], np.float32)
    mask: Any = wanted[regions]
    for _ in range(2):
        mask = cv2.GaussianBlur(mask, (BLUR, BLUR), SIGMA)
    framed = np.zeros_like(mask)
    inside = slice(BORDER, -BORDER)
    framed[inside, inside] = mask[inside, inside].clip(0, 1)
    return framed


def paste_faces(
    frames: Frames,
    faces: Frames,
    matrices: NDArray[np.float64],
    masks: NDArray[np.float32] | None = None,
    upscale: int = 1,
) -> Frames:
    """Frames with their restored faces: (T, H, W, 3) -> (T, H x upscale, W x upscale, 3), uint8 RGB.

    faces: (T, h, w, 3) uint8. matrices: (T, 2, 3) of the alignment, frame -> face. masks: (T, h, w) of
    `FaceParser`; none: the fading square alone. upscale: a whole number; the background is enlarged
    bilinearly. Frames do not see each other.
    """
    counts = {len(frames), len(faces), len(matrices), len(frames if masks is None else masks)}
    if len(counts) != 1:
        raise InputError(
            f"pasting needs a face, a matrix and a mask a frame: {len(frames)} frames, {len(faces)} faces, "
            f"{len(matrices)} matrices, {'no' if masks is None else len(masks)} masks"
        )
    if upscale < 1:
        raise InputError(f"upscale must be a whole number from 1 on, got {upscale}")
    height, width = frames.shape[1] * upscale, frames.shape[2] * upscale
    out = np.empty((len(frames), height, width, 3), np.uint8)
    for i, target in enumerate(out):
        target[...] = frames[i] if upscale == 1 else cv2.resize(frames[i], (width, height))
        _paste(target, faces[i], way_back(matrices[i], upscale), None if masks is None else masks[i], upscale)
    return out


def way_back(matrix: NDArray[np.float64], upscale: int = 1) -> NDArray[np.float64]:
    """The matrix (2, 3) from face to enlarged frame. With an enlargement of 2 and more the helper moves the
    face by half the factor."""
    back = invert(matrix) * upscale
    if upscale > 1:
        back[:, 2] += 0.5 * upscale
    return back


def fading_square(
    back: NDArray[np.float64],
    face: tuple[int, int],
    size: tuple[int, int],
    origin: tuple[int, int],
    upscale: int,
) -> tuple[NDArray[np.float64], Mask]:
    """Which pixels of a part of the frame a face covers without its edge, and the soft square mask.

    face: (height, width) of the face; size, origin: of the part, as in `warp_affine`. Both (height, width)
    in [0, 1].
    """
    covered: Any = warp_map(np.ones(face), back, size, origin)
    covered = cv2.erode(covered, _square(2 * upscale))
    edge = int(covered.sum() ** 0.5) // _FADE
    # an empty kernel is 3x3 to OpenCV
    centre: Any = cv2.erode(covered.astype(np.float32), _square(2 * edge or 3))
    return covered, cv2.GaussianBlur(centre, (2 * edge + 1, 2 * edge + 1), 0)


def _paste(target: Frames, face: Frames, back: NDArray[np.float64], mask: Mask | None, upscale: int) -> None:
    """Blend one face into `target`, in place. Only the part that the face touches is worked on."""
    size, origin = _touched(back, face.shape[:2], target.shape[:2])
    if min(size) < 1:
        return
    covered, soft = fading_square(back, face.shape[:2], size, origin, upscale)
    share = soft.astype(np.float64)
    if mask is not None:
        share = np.minimum(share, warp_map(mask.astype(np.float64), back, size, origin))
    # in steps of 1/65536 every product below is exact, whatever the processor
    share = (np.rint(share * _STEPS).clip(0, _STEPS) / _STEPS)[..., None]
    pasted = covered[..., None] * warp_affine(face, back, size, origin=origin)
    part = target[origin[0] : origin[0] + size[0], origin[1] : origin[1] + size[1]]
    part[...] = (share * pasted + (1 - share) * part).astype(np.uint8)  # cut, not rounded, as the helper does


def _touched(
    back: NDArray[np.float64], face: tuple[int, ...], frame: tuple[int, ...]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The part of the frame that a face can reach, with a margin that filters need: size and origin, both
    (rows, columns). A size below 1: none."""
    height, width = face
    corners = np.array([(-1, -1), (width, -1), (-1, height), (width, height)])
    places = transform_points(back, corners)[:, ::-1]
    limits = np.array(frame)
    first = np.clip(np.floor(places.min(0)) - _MARGIN, 0, limits).astype(int)
    last = np.clip(np.ceil(places.max(0)) + _MARGIN + 1, 0, limits).astype(int)
    size = last - first
    return (int(size[0]), int(size[1])), (int(first[0]), int(first[1]))


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)
