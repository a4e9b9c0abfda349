"""Finding faces in frames with RetinaFace, as KEEP's and CodeFormer's face helper does, a batch at a time."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from degradations.errors import InputError
from vfsrbench.faces.networks.retinaface import MEAN_BGR
from vfsrbench.faces.networks.retinaface_decode import decode
from vfsrbench.runtime.device import queued

SHORT_SIDE = 640
MIN_EYE_DISTANCE = 5.0

Faces = NDArray[np.float64]
Frames = NDArray[np.uint8]


class FaceDetector:
    """A RetinaFace with its weights loaded, on its device.

    shrink: bring larger frames down to a shorter side of 640 px too (CodeFormer); False only enlarges
    smaller ones (KEEP). Detections differ between the two.
    """

    def __init__(self, network: nn.Module, batch: int = 8, shrink: bool = False) -> None:
        self.network = network.eval()
        self.batch, self.shrink = batch, shrink

    @torch.inference_mode()
    def detect(self, frames: Frames, threshold: float = 0.8, padding: float = 0.0) -> list[Faces]:
        """The faces of every frame (T, H, W, 3) uint8 RGB: rows of 15 numbers as `retinaface_decode` has
        them, pixels of the frame, best score first; no rows when there is none.

        padding: this part of the frame's size is added on every side in the training mean's colour, for
        faces that fill the frame.
        """
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise InputError(f"frames must be uint8 (T, H, W, 3), got {frames.dtype} {frames.shape}")
        found: list[Faces] = []
        for first in range(0, len(frames), self.batch):
            found += self._batch(frames[first : first + self.batch], threshold, padding)
        return found

    def _batch(self, frames: Frames, threshold: float, padding: float) -> list[Faces]:
        height, width = frames.shape[1:3]
        top, left = round(height * padding), round(width * padding)
        full = (height + 2 * top, width + 2 * left)
        scale = SHORT_SIDE / min(full)
        if not self.shrink:
            scale = max(1.0, scale)
        pictures = [
            _prepared(frame, top, left, (int(full[0] * scale), int(full[1] * scale))) for frame in frames
        ]
        device = next(self.network.parameters()).device
        x = queued(torch.from_numpy(np.stack(pictures)), device).permute(0, 3, 1, 2).contiguous()
        outputs: tuple[Tensor, Tensor, Tensor] = self.network(x)
        return [
            _to_frame(rows.numpy().astype(np.float64), scale, top, left)
            for rows in decode(outputs, x.shape[2], x.shape[3], threshold)
        ]


def choose_face(
    faces: Faces,
    height: int,
    width: int,
    which: Literal["largest", "centre"] = "largest",
    least: float = MIN_EYE_DISTANCE,
) -> NDArray[np.float64]:
    """The five landmarks (5, 2) of one face of a frame of height x width; NaN when there is none.

    largest: by the area of its box inside the frame; centre: the box nearest to the middle. Faces whose
    "eye distance" is below `least` px are dropped first. That distance is the official tools': it takes the
    numbers 6 to 9 of a row for the eyes, though the left eye's x is number 5.
    """
    eyes = np.hypot(faces[:, 6] - faces[:, 8], faces[:, 7] - faces[:, 9])
    faces = faces[eyes >= least]
    if not len(faces):
        return np.full((5, 2), np.nan)
    if which == "largest":
        x1, x2 = (faces[:, i].clip(0, width) for i in (0, 2))
        y1, y2 = (faces[:, i].clip(0, height) for i in (1, 3))
        best = int(np.argmax((x2 - x1) * (y2 - y1)))
    else:
        x, y = (faces[:, 0] + faces[:, 2]) / 2, (faces[:, 1] + faces[:, 3]) / 2
        best = int(np.argmin(np.hypot(x - width / 2, y - height / 2)))
    return faces[best, 5:].reshape(5, 2)


def detect_landmarks(
    detector: FaceDetector,
    frames: Frames,
    which: Literal["largest", "centre"] = "largest",
    padding: float = 0.0,
) -> NDArray[np.float64]:
    """One face a frame: (T, 5, 2) pixels, NaN where none was found. Frames do not see each other."""
    height, width = frames.shape[1:3]
    faces = detector.detect(frames, padding=padding)
    chosen = [choose_face(rows, height, width, which) for rows in faces]
    return np.array(chosen).reshape(-1, 5, 2)


def _prepared(frame: Frames, top: int, left: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """The network's picture (*size, 3): padded, resized, BGR, the mean taken off."""
    picture: NDArray[Any] = np.ascontiguousarray(frame[..., ::-1])
    if top or left:
        colour = [round(level) for level in MEAN_BGR]
        picture = cv2.copyMakeBorder(picture, top, top, left, left, cv2.BORDER_CONSTANT, value=colour)
    if picture.shape[:2] != size:
        smaller = size[0] < picture.shape[0]
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        picture = cv2.resize(picture, (size[1], size[0]), interpolation=how)
    return picture.astype(np.float32) - np.array(MEAN_BGR, np.float32)


def _to_frame(rows: Faces, scale: float, top: int, left: int) -> Faces:
    """From the network's picture to the frame's pixels; the score stays (the official tools divide it too,
    to no effect)."""
    score = rows[:, 4].copy()
    rows = rows / scale
    x, y = [0, 2, *range(5, 15, 2)], [1, 3, *range(6, 15, 2)]
    rows[:, x] -= left
    rows[:, y] -= top
    rows[:, 4] = score
    return rows
