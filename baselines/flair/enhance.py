"""FLAIR's coarse-to-fine enhancement (section 4.3): a face restorer works on every estimate, and the face's
own regions of its result are blended in (G and the mask m_t of eq. 12; its weight w_t is the sampler's).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.flair.faces import crop_faces, face_masks, paste_faces
from vfsrbench.faces.detect import choose_face
from vfsrbench.faces.ffhq_align import FFHQ_512, FFHQ_SIZE, similarity_from_points
from vfsrbench.faces.networks.retinaface import MEAN_BGR
from vfsrbench.faces.networks.retinaface_decode import decode

THRESHOLD = 0.5
MIN_EYE_DISTANCE = 0.1
BATCH = 4

Restorer = Callable[[Tensor], Tensor]
"""Faces (n, 3, side, side) RGB in [-1, 1] -> restored faces of that shape and range."""


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
        points = np.stack([self._landmarks(frame[None]) for frame in frames])
        found = np.isfinite(points).all((1, 2))
        matrices = np.full((len(frames), 2, 3), np.nan)
        if found.any():
            template = FFHQ_512 * (self.side / FFHQ_SIZE)
            matrices[found] = similarity_from_points(points[found], template)
        return matrices

    def enhance(self, frames: Tensor, matrices: NDArray[np.float64]) -> Tensor:
        """(1 - m) x + m G(x) for frames (n, 3, h, w); frames without a face stay as they are."""
        out = frames.clone()
        found = np.flatnonzero(np.isfinite(matrices).all((1, 2)))
        for first in range(0, len(found), BATCH):
            part = found[first : first + BATCH]
            where = torch.from_numpy(part).to(frames.device)
            chosen, placed = frames[where], matrices[part]
            faces = self.restorer(crop_faces(chosen, placed, self.side)).float()
            masks = face_masks(self.parser(faces))
            out[where] = paste_faces(chosen, faces, masks, placed)
        return out

    def _landmarks(self, frame: Tensor) -> NDArray[np.float64]:
        height, width = frame.shape[-2:]
        levels = (frame + 1).clamp(0, 2) * 127.5
        outputs = self.detector(levels - levels.new_tensor(MEAN_BGR).view(1, 3, 1, 1))
        rows = decode(outputs, height, width, THRESHOLD)[0].double().cpu().numpy()
        return choose_face(rows, height, width, least=MIN_EYE_DISTANCE)
