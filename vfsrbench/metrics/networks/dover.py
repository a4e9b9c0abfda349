"""DOVER (Wu et al., ICCV 2023): a technical and an aesthetic branch, a head each, and what is made of their
two numbers. Names and shapes are those of the authors' file."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vfsrbench.metrics.networks.video.convnext import VideoConvNeXt
from vfsrbench.metrics.networks.video.swin import FragmentSwin

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""Of RGB in 0..255."""
_TECHNICAL, _AESTHETIC = (0.1107, 0.07355), (-0.08285, 0.03774)
_SHARES = (0.6104, 0.3896)


class Head(nn.Module):
    """A number for each place of a map: (N, 768, T, H, W) -> (N, 1, T, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc_hid, self.fc_last = nn.Conv3d(768, 64, 1), nn.Conv3d(64, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc_last(F.gelu(self.fc_hid(x)))


class DOVER(nn.Module):
    """Both branches. They take views as `normalized` gives them, (N, 3, T, H, W).

    Example:
        >>> import torch
        >>> with torch.no_grad():
        ...     DOVER().eval().technical(torch.rand(1, 3, 4, 32, 32)).shape
        torch.Size([1, 1, 2, 1, 1])
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.technical_backbone, self.aesthetic_backbone = FragmentSwin(), VideoConvNeXt()
        self.technical_head, self.aesthetic_head = Head(), Head()
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def normalized(self, frames: Tensor) -> Tensor:
        """Views of uint8 RGB frames (N, T, H, W, 3), as the branches take them: (N, 3, T, H, W)."""
        return ((frames - self.mean) / self.std).permute(0, 4, 1, 2, 3)

    def technical(self, view: Tensor) -> Tensor:
        """A number for each place of a view of fragments; their mean is the technical raw value."""
        return self.technical_head(self.technical_backbone(view))

    def aesthetic(self, view: Tensor) -> Tensor:
        """Likewise of a view of whole frames."""
        return self.aesthetic_head(self.aesthetic_backbone(view))

    def forward(self, technical: Tensor, aesthetic: Tensor) -> tuple[Tensor, Tensor]:
        """The raw values of both branches, (N,) each."""
        return self.technical(technical).mean((1, 2, 3, 4)), self.aesthetic(aesthetic).mean((1, 2, 3, 4))


def technical_share(raw: float) -> float:
    """A technical raw value in 0..1: standardized by the authors' constants, through a sigmoid."""
    return _sigmoid(_standard(raw, _TECHNICAL))


def aesthetic_share(raw: float) -> float:
    """An aesthetic raw value in 0..1."""
    return _sigmoid(_standard(raw, _AESTHETIC))


def fused(technical: float, aesthetic: float) -> float:
    """The overall value in 0..1 of two raw values: 0.6104 and 0.3896 of them, standardized."""
    parts = (_standard(technical, _TECHNICAL), _standard(aesthetic, _AESTHETIC))
    return _sigmoid(sum(share * part for share, part in zip(_SHARES, parts, strict=True)))


def _standard(raw: float, constants: tuple[float, float]) -> float:
    mean, spread = constants
    return (raw - mean) / spread


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
