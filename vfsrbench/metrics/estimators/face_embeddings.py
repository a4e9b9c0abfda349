"""Face recognition networks behind one interface: aligned crops in, embeddings out.

backend         network                            file
w600k_r50       ResNet-50, WebFace600K             ONNX (insightface buffalo_l)
glintr100       ResNet-100, Glint360K              ONNX (insightface antelopev2)
                (both: iresnet50/100 filled from the file; a file of another graph in onnxruntime)
iresnet50/100   arcface_torch                      backbone.pth
ir_se50         InsightFace_Pytorch                facexlib's file
resnet18_gray   grey 128x128                       GFPGAN's file
adaface_ir50/101  AdaFace; BGR, its own alignment  the authors' checkpoint
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vfsrbench.errors import did_you_mean
from vfsrbench.faces.arcface_align import arcface_matrices, inverse_fit_matrices
from vfsrbench.faces.networks.insightface_onnx import RECOGNITION_SIDE, OnnxArcFace
from vfsrbench.faces.networks.onnx_files.arcface import NoMatch, fill_from_onnx
from vfsrbench.runtime.network import loaded, runner, shared
from vfsrbench.runtime.precision import Profile

Fit = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
EMBEDDING = 512
BATCH = 16
log = logging.getLogger(__name__)


class Recognizer(Protocol):
    """Called with RGB crops (N, 3, size, size) in [0, 1]."""

    @property
    def runs_on(self) -> str:
        """What computes elsewhere than on the device; empty if nothing does."""
        ...

    @property
    def size(self) -> int:
        """The crop's side in pixels."""
        ...

    @property
    def fit(self) -> Fit:
        """Five points (N, 5, 2) and the crop's side to matrices, picture -> crop."""
        ...

    def __call__(self, crops: Tensor) -> Tensor:
        """Raw embeddings (N, 512), float32, on the crops' device. Faces do not see each other."""
        ...


@dataclass(frozen=True)
class TorchRecognizer:
    """A network of ours with an official file."""

    run: Callable[[Tensor, int], Tensor]
    size: int
    prepare: Callable[[Tensor], Tensor]
    runs_on: str = ""
    fit: Fit = arcface_matrices

    def __call__(self, crops: Tensor) -> Tensor:
        return self.run(self.prepare(crops), BATCH)


@dataclass(frozen=True)
class OnnxRecognizer:
    """A file in onnxruntime. It runs in float32 in either profile."""

    network: OnnxArcFace
    size: int = RECOGNITION_SIDE
    fit: Fit = arcface_matrices

    @property
    def runs_on(self) -> str:
        """onnxruntime's provider."""
        return self.network.runs_on

    def __call__(self, crops: Tensor) -> Tensor:
        return self.network(crops)


def recognizer(backend: str, path: Path, device: torch.device, profile: Profile) -> Recognizer:
    """The backend with its weights from `path`, on `device`."""
    if backend in _ONNX:
        return _insightface(_ONNX[backend], path, device, profile)
    if backend in _ADAFACE:
        return _adaface(backend, path, device, profile)
    if backend not in _NETWORKS:
        raise did_you_mean("recognition network", backend, [*_NETWORKS, *_ONNX, *_ADAFACE])
    make, size, prepare = _NETWORKS[backend]
    run = runner((backend, path), partial(loaded, make, path), device, profile)
    return TorchRecognizer(run, size, prepare)


def _insightface(
    make: Callable[[], nn.Module], path: Path, device: torch.device, profile: Profile
) -> Recognizer:
    """Our network where the file holds just that one; else the file in onnxruntime."""

    def build() -> nn.Module:
        network = make()
        fill_from_onnx(network, path)
        return network

    try:
        return TorchRecognizer(runner(("arcface", path), build, device, profile), RECOGNITION_SIDE, signed)
    except NoMatch as reason:
        log.info("%s: runs in onnxruntime, as it is not the network expected: %s", path, reason)
    return OnnxRecognizer(shared(("arcface", path, str(device)), lambda: OnnxArcFace(path, device)))


def _adaface(backend: str, path: Path, device: torch.device, profile: Profile) -> Recognizer:
    from vfsrbench.faces.networks import adaface

    def build() -> nn.Module:
        make = adaface.adaface_ir50 if backend == "adaface_ir50" else adaface.adaface_ir101
        return adaface.load_adaface(make(), path)

    run = runner((backend, path), build, device, profile)
    return TorchRecognizer(run, RECOGNITION_SIDE, _signed_bgr, fit=inverse_fit_matrices)


def signed(crops: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], which is (x - 127.5) / 127.5 on 0..255."""
    return 2 * crops - 1


def _signed_bgr(crops: Tensor) -> Tensor:
    return signed(crops.flip(1))


def _gray(crops: Tensor) -> Tensor:
    from vfsrbench.faces.networks.arcface_resnet18 import to_gray128

    return to_gray128(signed(crops))


def _iresnet50() -> nn.Module:
    from vfsrbench.faces.networks.iresnet import iresnet50

    return iresnet50()


def _iresnet100() -> nn.Module:
    from vfsrbench.faces.networks.iresnet import iresnet100

    return iresnet100()


def _ir_se50() -> nn.Module:
    from vfsrbench.faces.networks.ir_se50 import IRSE50

    return IRSE50()


def _resnet18() -> nn.Module:
    from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18

    return ArcFaceResNet18()


_ONNX = {"w600k_r50": _iresnet50, "glintr100": _iresnet100}
_ADAFACE = ("adaface_ir50", "adaface_ir101")
_NETWORKS: dict[str, tuple[Any, int, Callable[[Tensor], Tensor]]] = {
    "iresnet50": (_iresnet50, 112, signed),
    "iresnet100": (_iresnet100, 112, signed),
    "ir_se50": (_ir_se50, 112, signed),
    "resnet18_gray": (_resnet18, 128, _gray),
}
