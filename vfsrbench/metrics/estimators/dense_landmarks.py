"""Dense landmarks of frames, behind one interface.

awing98   facexlib's adaptive-wing network, 98 points: the whole picture squeezed to 256x256
fan68     2DFAN-4, 68 points: a crop around the face, not cut to whole pixels
2d106     insightface's regression network, 106 points: a crop around the face, no grid
dlib68    dlib's regression trees, 68 points: a box around the face, whole pixels

A crop is placed by the ground truth's five points, for both pictures: its box is the square that ArcFace's
112x112 crop of the face covers.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from vfsrbench.errors import did_you_mean
from vfsrbench.faces.arcface_align import arcface_matrices
from vfsrbench.faces.networks.dlib_faces import LANDMARKS as DLIB_LANDMARKS
from vfsrbench.faces.networks.dlib_faces import RUNS_ON, DlibLandmarks
from vfsrbench.faces.networks.dlib_faces import face_boxes as dlib_boxes
from vfsrbench.faces.networks.fan import FAN2D4, AwingFAN
from vfsrbench.faces.networks.fan_decode import (
    FAN_INPUT,
    decode_awing,
    decode_fan2d4,
    fan_crop,
    fan_crop_geometry,
)
from vfsrbench.faces.networks.insightface_onnx import LANDMARKS, OnnxLandmarks106
from vfsrbench.faces.similarity import invert, transform_points
from vfsrbench.metric import Window
from vfsrbench.metrics.pixels import pictures_of
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.network import loaded, rows_that_fit, runner, shared
from vfsrbench.runtime.precision import Profile

Points = NDArray[np.float64]
BATCH, BYTES = 4, 160 << 20
"""Pictures at a time on a processor, and what one of 256x256 takes on a GPU."""


class PointFinder(Protocol):
    """Finds `count` points a frame. `needs_face`: only where the ground truth's five points are known;
    `runs_on`: what computes elsewhere than on the device, if anything."""

    count: int
    needs_face: bool
    runs_on: str

    def find(self, window: Window, frames: list[int], faces: Points | None) -> Points:
        """(n, count, 2) pixels of these frames; faces: the five points (n, 5, 2) of each."""
        ...


def point_finder(detector: str, path: Path, device: torch.device, profile: Profile) -> PointFinder:
    """The detector with its weights from `path`, on `device`."""
    kinds: dict[str, type[Awing98] | type[Fan68] | type[Regression106] | type[Dlib68]]
    kinds = {"awing98": Awing98, "fan68": Fan68, "2d106": Regression106, "dlib68": Dlib68}
    if detector not in kinds:
        raise did_you_mean("landmark detector", detector, kinds)
    return kinds[detector](path, device, profile)


class Awing98:
    count, needs_face, runs_on = 98, False, ""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.runner = runner(("awing98", path), partial(loaded, AwingFAN, path), device, profile)

    def find(self, window: Window, frames: list[int], faces: Points | None) -> Points:
        images = pictures_of(window, self.device, frames)
        height, width = images.shape[2:]
        small = F.interpolate(images, (FAN_INPUT, FAN_INPUT), mode="bilinear", align_corners=False)
        heat = self.runner(small, rows_that_fit(self.device, BYTES, BATCH), _last)
        return decode_awing(heat, height, width).cpu().numpy().astype(np.float64)


class Fan68:
    count, needs_face, runs_on = 68, True, ""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.runner = runner(("fan68", path), partial(loaded, FAN2D4, path), device, profile)

    def find(self, window: Window, frames: list[int], faces: Points | None) -> Points:
        assert faces is not None
        centres, scales = fan_crop_geometry(face_boxes(faces))
        crops = [
            fan_crop(window.frames[frame - window.start], centre, float(scale))
            for frame, centre, scale in zip(frames, centres, scales, strict=True)
        ]
        x = queued(torch.from_numpy(np.stack(crops)), self.device).permute(0, 3, 1, 2).float() / 255
        heat = self.runner(x, rows_that_fit(self.device, BYTES, BATCH), _last).double()
        place = [queued(torch.from_numpy(a), self.device) for a in (centres, scales)]
        points, _ = decode_fan2d4(heat, place[0], place[1], whole_pixels=False)
        return points.cpu().numpy()


class Regression106:
    count, needs_face = LANDMARKS, True

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.device = device
        self.network = shared(("2d106", path, str(device)), lambda: OnnxLandmarks106(path, device))
        self.runs_on = self.network.runs_on

    def find(self, window: Window, frames: list[int], faces: Points | None) -> Points:
        assert faces is not None
        images = pictures_of(window, self.device, frames)
        return self.network(images, face_boxes(faces))


class Dlib68:
    count, needs_face, runs_on = DLIB_LANDMARKS, True, RUNS_ON

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.landmarks = shared(("dlib68", path), partial(DlibLandmarks, path))

    def find(self, window: Window, frames: list[int], faces: Points | None) -> Points:
        assert faces is not None
        boxes = dlib_boxes(faces)
        pictures = (window.frames[frame - window.start] for frame in frames)
        return np.stack([self.landmarks.find(p, box) for p, box in zip(pictures, boxes, strict=True)])


def face_boxes(faces: Points) -> Points:
    """(n, 4) x1, y1, x2, y2: the upright square around ArcFace's 112x112 crop, by its centre and side."""
    matrices = arcface_matrices(faces)
    backward = invert(matrices)
    side = 112 / np.sqrt(np.abs(np.linalg.det(matrices[:, :, :2])))
    centre = transform_points(backward, np.full((len(faces), 1, 2), 56.0))[:, 0]
    return np.concatenate([centre - side[:, None] / 2, centre + side[:, None] / 2], axis=1)


def _last(network: nn.Module, part: Tensor) -> Tensor:
    return network(part)[-1]
