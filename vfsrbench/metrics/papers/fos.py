"""VIDD as the FOS benchmark's script computes it (VFRxBenchmark): whole pictures, embeddings as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vfsrbench.errors import did_you_mean
from vfsrbench.metric import Frames, Metric, Values, Window
from vfsrbench.metrics.estimators.face_embeddings import BATCH
from vfsrbench.metrics.functional.identity import neighbour_distances
from vfsrbench.metrics.pixels import check_frames
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.network import loaded, runner

Pictures = NDArray[np.float32]


class RawDrift(Metric):
    """L2 distance of the raw embeddings of neighbouring restored frames, stored at the later one.

    `params.backend` on the card: resnet18 or ir_se50; role `recognizer`: its file.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        backend, path = str(self.card.params["backend"]), weights["recognizer"]
        if backend not in _BACKENDS:
            raise did_you_mean("recognition network", backend, _BACKENDS)
        make, self.fed = _BACKENDS[backend]
        self.runner = runner((f"fos {backend}", path), partial(loaded, make, path), device, self.profile)

    def score(self, restored: Window, gt: Window, state: Any) -> Values:
        check_frames(restored)
        first = max(restored.scored.start - 1, restored.start)
        frames = restored.frames[first - restored.start :]
        return neighbour_distances(self.embeddings(frames), normalize=False)[restored.scored.start - first :]

    def embeddings(self, frames: Frames) -> Values:
        """(n, 512) of whole pictures (n, H, W, 3), as the network gives them."""
        fed = queued(torch.from_numpy(self.fed(frames)), self.device)
        return self.runner(fed, BATCH).cpu().numpy().astype(np.float64)


def shrunk(frames: Frames, side: int) -> Pictures:
    """(n, side, side, 3) in [0, 1]: OpenCV's bilinear resize on 8 bits, which rounds and averages nothing."""
    small = [cv2.resize(frame, (side, side), interpolation=cv2.INTER_LINEAR) for frame in frames]
    return np.stack(small).astype(np.float32) / np.float32(255)


def grey_pictures(frames: Frames) -> Pictures:
    """(n, 1, 128, 128) in [0, 1], where the network was trained on [-1, 1]."""
    red, green, blue = np.moveaxis(shrunk(frames, 128), -1, 0)
    grey: Pictures = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return grey[:, None]


def signed_pictures(frames: Frames) -> Pictures:
    """(n, 3, 112, 112), RGB in [-1, 1]."""
    signed = (shrunk(frames, 112) - np.float32(0.5)) / np.float32(0.5)
    return np.ascontiguousarray(signed.transpose(0, 3, 1, 2))


def _resnet18() -> nn.Module:
    from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18

    return ArcFaceResNet18()


def _ir_se50() -> nn.Module:
    from vfsrbench.faces.networks.ir_se50 import IRSE50

    return IRSE50()


_BACKENDS: dict[str, tuple[Callable[[], nn.Module], Callable[[Frames], Pictures]]] = {
    "resnet18": (_resnet18, grey_pictures),
    "ir_se50": (_ir_se50, signed_pictures),
}
