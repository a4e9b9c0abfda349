"""FLAIR's coarse-to-fine enhancement (section 4.3): a face restorer works on every estimate, and the face's
own regions of its result are blended in (G and the mask m_t of eq. 12; its weight w_t is the sampler's).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.flair.faces import cropped, face_masks, grid_of, pasted
from vfsrbench.faces.detect import choose_face
from vfsrbench.faces.ffhq_align import FFHQ_512, FFHQ_SIZE, similarity_from_points
from vfsrbench.faces.networks.retinaface import MEAN_BGR
from vfsrbench.faces.networks.retinaface_decode import decode
from vfsrbench.faces.similarity import invert
from vfsrbench.runtime.device import queued

THRESHOLD = 0.5
MIN_EYE_DISTANCE = 0.1
BATCH = 4

Restorer = Callable[[Tensor], Tensor]
"""Faces (n, 3, side, side) RGB in [-1, 1] -> restored faces of that shape and range."""


@dataclass(frozen=True)
class Placement:
    """Frames that are enhanced together: their numbers (n,), where their faces' pixels lie in them, and
    theirs in the faces (see `grid_of`). On the device, as every step needs them."""

    frames: Tensor
    crop: Tensor
    paste: Tensor


@dataclass(frozen=True)
class FaceEnhancer:
    """The networks that enhancement needs. `side` is that of the faces the restorer takes."""

    detector: nn.Module
    parser: nn.Module
    restorer: Restorer
    side: int = FFHQ_SIZE

    def find(self, frames: Tensor) -> NDArray[np.float64]:
        """The alignment of the largest face of every frame (n, 3, h, w): (n, 2, 3), NaN where there is none.

        The degraded frames, enlarged, are searched once a window: the estimates of the first steps are
        noise. As officially, RGB is given to the detector that was trained with BGR.
        """
        height, width = frames.shape[-2:]
        levels = (frames + 1).clamp(0, 2) * 127.5
        levels = torch.stack([levels[:, i] - mean for i, mean in enumerate(MEAN_BGR)], dim=1)
        outputs = zip(*(self.detector(frame[None]) for frame in levels), strict=True)
        boxes, scores, landmarks = (torch.cat(parts) for parts in outputs)
        faces = decode((boxes, scores, landmarks), height, width, THRESHOLD)
        rows = [found.double().numpy() for found in faces]
        points = np.stack([choose_face(row, height, width, least=MIN_EYE_DISTANCE) for row in rows])
        found = np.isfinite(points).all((1, 2))
        matrices = np.full((len(frames), 2, 3), np.nan)
        if found.any():
            template = FFHQ_512 * (self.side / FFHQ_SIZE)
            matrices[found] = similarity_from_points(points[found], template)
        return matrices

    def place(self, matrices: NDArray[np.float64], frames: Tensor) -> tuple[Placement, ...]:
        """What `enhance` needs to know of frames (n, 3, h, w) whose faces are aligned so; once a window."""
        found = np.flatnonzero(np.isfinite(matrices).all((1, 2)))
        size, face = (frames.shape[-2], frames.shape[-1]), (self.side, self.side)
        placed = []
        for first in range(0, len(found), BATCH):
            part = found[first : first + BATCH]
            crop = grid_of(matrices[part], frames, size, face)
            paste = grid_of(invert(matrices[part]), frames, face, size)
            placed.append(Placement(queued(torch.from_numpy(part), frames.device), crop, paste))
        return tuple(placed)

    def enhance(self, frames: Tensor, placed: Sequence[Placement]) -> Tensor:
        """(1 - m) x + m G(x) for frames (n, 3, h, w); frames without a face stay as they are."""
        out = frames.clone()
        for part in placed:
            chosen = frames[part.frames]
            faces = self.restorer(cropped(chosen, part.crop)).float()
            masks = face_masks(self.parser(faces))
            out[part.frames] = pasted(chosen, faces, masks, part.paste)
        return out
