"""The face tools with their published weights, as the weights manager finds them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.runtime.precision import arithmetic
from vfsrbench.weights.resolve import resolve_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vfsrbench.faces.detect import FaceDetector
    from vfsrbench.faces.paste import FaceParser

Frames = NDArray[np.uint8]


FINDER, PARSER = "retinaface_r50", "parsenet"


def untrained_tools(*names: str) -> list[str]:
    """Which of these checkpoints (`FINDER`, `PARSER`) are random weights."""
    return [name for name in names if resolve_weights([WeightUse(name=name)]).untrained]


def load_finder(device: torch.device) -> Callable[[Frames], NDArray[np.float64]]:
    """Finds the largest face's five points in frames (see `align_clips.FindLandmarks`): RetinaFace with
    ResNet-50. InputError says what to fetch when its weights are not here."""
    from vfsrbench.faces.detect import FaceDetector
    from vfsrbench.faces.networks.retinaface import retinaface_resnet50

    network = _loaded(retinaface_resnet50, FINDER, "finding faces", device)
    return partial(_find, FaceDetector(network), device)


def load_masks(device: torch.device) -> Callable[[Frames], NDArray[np.float32]]:
    """Makes the masks under which faces (n, 512, 512, 3) are pasted back (see `paste.FaceParser.masks`):
    ParseNet. InputError says what to fetch when its weights are not here."""
    from vfsrbench.faces.networks.parsenet import ParseNet
    from vfsrbench.faces.paste import FaceParser

    return partial(
        _masks, FaceParser(_loaded(ParseNet, PARSER, "the mask (or take --mask square)", device)), device
    )


def _find(detector: FaceDetector, device: torch.device, frames: Frames) -> NDArray[np.float64]:
    from vfsrbench.faces.detect import detect_landmarks

    with arithmetic("strict", device):
        return detect_landmarks(detector, frames)


def _masks(parser: FaceParser, device: torch.device, faces: Frames) -> NDArray[np.float32]:
    with arithmetic("strict", device):
        return parser.masks(faces)


def _loaded(make: Callable[[], nn.Module], name: str, purpose: str, device: torch.device) -> nn.Module:
    from vfsrbench.runtime.checkpoint import load_checkpoint

    weights = resolve_weights([WeightUse(name=name)])
    if weights.missing:
        raise InputError(f"{purpose}: {weights.missing}")
    network = make()
    load_checkpoint(network, weights.paths["net"])
    return network.eval().requires_grad_(False).to(device)
