"""The face tools with their published weights, as the weights manager finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vfsrbench.board import FinderName
from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.faces.finding.choice import (
    DETECTOR,
    DLIB,
    DLIB_DETECTOR,
    DLIB_POINTS,
    RETINAFACE,
    RETINAFACE_FILE,
    chosen_finder,
    finder_weights,
    why_no_finder,
)
from vfsrbench.runtime.precision import arithmetic
from vfsrbench.weights.resolve import Weights, resolve_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    from vfsrbench.faces.detect import FaceDetector
    from vfsrbench.faces.paste import FaceParser

Frames = NDArray[np.uint8]


PARSER = "parsenet"


@dataclass(frozen=True)
class FaceFinder:
    """Finds the largest face's five points in frames: calling it is `align_clips.FindLandmarks`.

    Attributes:
        name: "retinaface" or "dlib"; empty for one that is known by nothing else.
        find: Frames (n, H, W, 3) uint8 RGB -> (n, 5, 2) pixels, NaN where no face is.
        weights: Checkpoint name -> SHA-256.
        untrained: Names of those checkpoints that are random weights.
    """

    name: str
    find: Callable[[Frames], NDArray[np.float64]]
    weights: Mapping[str, str] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()

    @classmethod
    def of(cls, find: Callable[[Frames], NDArray[np.float64]]) -> FaceFinder:
        """The finder itself, or a nameless one around any other function."""
        return find if isinstance(find, cls) else cls("", find)

    def __call__(self, frames: Frames) -> NDArray[np.float64]:
        return self.find(frames)


def untrained_tools(*names: str) -> list[str]:
    """Which of these checkpoints are random weights."""
    return [name for name in names if resolve_weights([WeightUse(name=name)]).untrained]


def load_finder(device: torch.device, choice: FinderName = "auto") -> FaceFinder:
    """Finds the largest face's five points in frames.

    Args:
        device: Where RetinaFace runs; dlib runs on the CPU.
        choice: retinaface: RetinaFace with ResNet-50. dlib: its frontal detector, where that finds nothing
            its detection network (if its weights are here), and its 68 landmarks (`finding.dlib_points`).
            auto: RetinaFace where its trained weights are, else dlib.

    Returns:
        The finder, with its name and the hashes of its weights.

    Raises:
        InputError: The weights are not here, or dlib is not; says what to fetch or install.
    """
    missing = why_no_finder(choice)
    if missing:
        raise InputError(f"finding faces: {missing}")
    name = chosen_finder(choice)
    weights = finder_weights(name)
    return _retinaface(weights, device) if name == RETINAFACE else _dlib(weights)


def why_no_masks() -> str:
    """Why `load_masks` cannot be used, and what brings it; empty if it can."""
    return resolve_weights([WeightUse(name=PARSER)]).missing


def load_masks(device: torch.device) -> Callable[[Frames], NDArray[np.float32]]:
    """Makes the masks under which faces (n, 512, 512, 3) are pasted back (see `paste.FaceParser.masks`):
    ParseNet. InputError says what to fetch when its weights are not here."""
    from vfsrbench.faces.networks.parsenet import ParseNet
    from vfsrbench.faces.paste import FaceParser

    weights = resolve_weights([WeightUse(name=PARSER)])
    if weights.missing:
        raise InputError(f"the mask (or take --mask square): {weights.missing}")
    return partial(_masks, FaceParser(_loaded(ParseNet, weights.paths["net"], device)), device)


def _retinaface(weights: Weights, device: torch.device) -> FaceFinder:
    from vfsrbench.faces.detect import FaceDetector
    from vfsrbench.faces.networks.retinaface import retinaface_resnet50

    detector = FaceDetector(_loaded(retinaface_resnet50, weights.paths[DETECTOR], device))
    untrained = (RETINAFACE_FILE,) if weights.untrained else ()
    return FaceFinder(RETINAFACE, partial(_find, detector, device), weights.hashes, untrained)


def _dlib(weights: Weights) -> FaceFinder:
    from vfsrbench.faces.finding.dlib_points import dlib_finder

    find = dlib_finder(weights.paths[DLIB_POINTS], weights.paths.get(DLIB_DETECTOR))
    return FaceFinder(DLIB, find, weights.hashes)


def _find(detector: FaceDetector, device: torch.device, frames: Frames) -> NDArray[np.float64]:
    from vfsrbench.faces.detect import detect_landmarks

    with arithmetic("strict", device):
        return detect_landmarks(detector, frames)


def _masks(parser: FaceParser, device: torch.device, faces: Frames) -> NDArray[np.float32]:
    with arithmetic("strict", device):
        return parser.masks(faces)


def _loaded(make: Callable[[], nn.Module], path: Path, device: torch.device) -> nn.Module:
    from vfsrbench.runtime.checkpoint import load_checkpoint

    network = make()
    load_checkpoint(network, path)
    return network.eval().requires_grad_(False).to(device)
