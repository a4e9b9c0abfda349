"""What published scripts compute, where that explains published figures: their own ids, never on a board.

Each card says what the script does otherwise. None of these is recommended.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vfsrbench.metric import Metric, Values, Window
from vfsrbench.metrics.estimators.face_embeddings import BATCH
from vfsrbench.metrics.fidelity import Psnr, mse, psnr_of
from vfsrbench.metrics.functional.frechet import squared_mean_distance
from vfsrbench.metrics.functional.identity import cosine
from vfsrbench.metrics.identity import IdentitySimilarity
from vfsrbench.metrics.networks.i3d import I3D, LOGITS, i3d_input
from vfsrbench.metrics.perceptual import Lpips
from vfsrbench.metrics.pixels import check_frames, check_pair, scored_frames
from vfsrbench.metrics.ssim import Moments, Ssim, ssim
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.network import loaded, runner

Colours = NDArray[np.float64]


class CorrectedPsnr(Psnr):
    """PSNR after `corrected`: FOS's and VQFR's scripts with their default settings."""

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_pair(restored, gt)
        pairs = zip(_corrected_frames(restored, gt), scored_frames(gt), strict=True)
        return np.array([psnr_of(mse(a, b.astype(np.float64))) for a, b in pairs])


class CorrectedSsim(Ssim):
    """SSIM after `corrected`."""

    def score(self, restored: Window, gt: Window, state: list[Moments]) -> Values:
        check_pair(restored, gt)
        frames = zip(_corrected_frames(restored, gt), scored_frames(gt), state, strict=True)
        return np.array([ssim(a, b.astype(np.float64), known, self.room) for a, b, known in frames])


def _corrected_frames(restored: Window, gt: Window) -> list[Colours]:
    """The scored frames, corrected; once for both metrics."""

    def compute() -> list[Colours]:
        return [corrected(a, b) for a, b in zip(scored_frames(restored), scored_frames(gt), strict=True)]

    return restored.memo("corrected as FOS does", compute)


def corrected(frame: NDArray[np.uint8], gt: NDArray[np.uint8]) -> Colours:
    """The frame with each channel's mean and standard deviation made the truth's, twice: the scaling moves
    the mean again, and so does the second. Neither rounded nor clipped."""
    picture = frame.astype(np.float64)
    mean, deviation = gt.mean((0, 1), dtype=np.float64), gt.std((0, 1), dtype=np.float64)
    for _ in range(2):
        picture += mean - picture.mean((0, 1))
        own = picture.std((0, 1))
        picture *= np.divide(deviation, own, out=np.ones_like(own), where=own > 0)
    return picture


class TwiceScaledLpips(Lpips):
    """LPIPS as BFVR-STC's script feeds it: scaled to [-1, 1] twice over (so [-3, 1]), and BGR."""

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        return super()._features(2 * images.flip(1) - 1)


class LastFrameIdentity(IdentitySimilarity):
    """Identity of the 24th frame alone, as BFVR-STC's script averages it (its list is overwritten)."""

    COUNTED = 24

    def finish(self, values: Values) -> float:
        return float(values[min(self.COUNTED, len(values)) - 1])


class PairDistance(Metric):
    """BFVR-STC's "FVD": squared distance of the I3D logits of the first 24 frames, a clip at a time."""

    FRAMES = 24

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path = weights["i3d"]
        self.runner = runner(("i3d", path), partial(loaded, I3D, path), device, self.profile)

    def prepare(self, gt: Window) -> Values:
        check_frames(gt)
        return self._logits(gt)

    def score(self, restored: Window, gt: Window, state: Values) -> Values:
        check_pair(restored, gt)
        values = np.zeros(len(restored.scored))  # only the 24th frame's place holds a number
        if len(state):
            at = self.FRAMES - 1 - restored.scored.start
            values[at] = squared_mean_distance(self._logits(restored), state)
        return values

    def _logits(self, window: Window) -> Values:
        """(1, 400) if this window scores the 24th frame, else no row."""
        if self.FRAMES - 1 not in window.scored:
            return np.empty((0, LOGITS))
        if window.start > 0:
            raise ValueError(f"the first {self.FRAMES} frames are looked at together")
        piece = window.tensor(self.device)[: self.FRAMES]
        return self.runner(i3d_input(piece[None]), 1).cpu().numpy().astype(np.float64)

    def finish(self, values: Values) -> float:
        return float(values[self.FRAMES - 1])


class WholePictureAngle(Metric):
    """VQFR's "Deg": angle of two grey ArcFace embeddings of the whole picture, unaligned, in degrees.

    Pairs under one degree are left out, as the script does.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18

        super().load(weights, device)
        path = weights["recognizer"]
        build = partial(loaded, ArcFaceResNet18, path)
        self.runner = runner(("resnet18_gray", path), build, device, self.profile)

    def prepare(self, gt: Window) -> Values:
        check_frames(gt)
        return self._embeddings(gt)

    def score(self, restored: Window, gt: Window, state: Values) -> Values:
        check_pair(restored, gt)
        angles = np.degrees(np.arccos(np.clip(cosine(self._embeddings(restored), state), -1, 1)))
        return np.where(angles < 1, np.nan, angles)

    def _embeddings(self, window: Window) -> Values:
        pictures = [_gray128(frame) for frame in scored_frames(window)]
        x = (queued(torch.from_numpy(np.stack(pictures)), self.device)[:, None].float() - 127.5) / 127.5
        return self.runner(x, BATCH).cpu().numpy().astype(np.float64)


def _gray128(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, (128, 128), interpolation=cv2.INTER_LINEAR), np.uint8)
