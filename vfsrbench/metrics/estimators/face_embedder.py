"""Embeddings of the faces in frames, behind one interface: which face, cut how, by which network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.faces.arcface_align import align_faces
from vfsrbench.faces.networks.dlib_faces import DIMENSIONS, RUNS_ON, DlibLandmarks, DlibRecognizer, face_boxes
from vfsrbench.metric import Window
from vfsrbench.metrics.estimators.face_embeddings import EMBEDDING, recognizer
from vfsrbench.metrics.pixels import pictures_of
from vfsrbench.runtime.network import shared
from vfsrbench.runtime.precision import Profile

Points = NDArray[np.float64]
Embeddings = NDArray[np.float32]
DLIB = "dlib"


class FaceEmbedder(Protocol):
    """Gives `dimensions` numbers a face. `runs_on`: what computes elsewhere than on the device."""

    dimensions: int
    runs_on: str

    def embed(self, window: Window, place: Window, frames: list[int], points: Points) -> Embeddings:
        """Raw embeddings (n, dimensions) of the faces in these frames of `window`.

        Args:
            window: The frames to look at.
            place: The window that says where the face is: the ground truth's, or `window` itself.
            frames: Numbers of frames in the clip.
            points: The five points (n, 5, 2) of the face in `place`.
        """
        ...


def face_embedder(
    backend: str, weights: Mapping[str, Path], device: torch.device, profile: Profile
) -> FaceEmbedder:
    """The embedder of a backend. Role `recognizer`: its network; `points` (dlib): the 68 landmarks."""
    if backend == DLIB:
        return DlibEmbedder(weights["recognizer"], weights["points"])
    return ArcFaceEmbedder(backend, weights["recognizer"], device, profile)


class ArcFaceEmbedder:
    """A recognition network that sees crops aligned by five points."""

    dimensions = EMBEDDING

    def __init__(self, backend: str, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.recognize = recognizer(backend, path, device, profile)
        self.runs_on = self.recognize.runs_on

    def embed(self, window: Window, place: Window, frames: list[int], points: Points) -> Embeddings:
        images = pictures_of(window, self.device, frames)
        size = self.recognize.size
        crops = align_faces(images, self.recognize.fit(points, size), size)
        return self.recognize(crops).cpu().numpy()


class DlibEmbedder:
    """dlib's recognition network on its own face chips, cut by 68 landmarks found in `place`."""

    dimensions = DIMENSIONS
    runs_on = RUNS_ON

    def __init__(self, recognizer_path: Path, landmarks_path: Path) -> None:
        self.recognize = shared(("dlib", recognizer_path), partial(DlibRecognizer, recognizer_path))
        self.landmarks = shared(("dlib68", landmarks_path), partial(DlibLandmarks, landmarks_path))

    def embed(self, window: Window, place: Window, frames: list[int], points: Points) -> Embeddings:
        boxes = [tuple(box) for box in face_boxes(points).tolist()]
        # the box is in the key: points that came with the clip and points found in it give different ones
        known: dict[tuple[int, tuple[int, ...]], Points] = place.memo(("dlib68",), dict)
        chips = []
        for frame, box in zip(frames, boxes, strict=True):
            if (frame, box) not in known:
                known[frame, box] = self.landmarks.find(place.frames[frame - place.start], box)
            chips.append(self.recognize.chip(window.frames[frame - window.start], known[frame, box]))
        return self.recognize.embed(chips)
